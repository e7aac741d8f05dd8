// How is YAML read? In a file of its own because it is loaded only when needed, and a bundle gives the names of a
// CommonJS library only to who imports them statically.
export { parse as parseYaml } from 'yaml'
