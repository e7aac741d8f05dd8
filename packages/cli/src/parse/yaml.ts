// How is YAML parsed? A file of its own, because it is loaded only when needed, and in a bundle the names of a CommonJS
// library exist for static imports only.
export { parse as parseYaml } from 'yaml'
