// Which installed libraries does the built controller load at run time, and how are only these copied into an image?
//   node packages/install/collect.mjs FOLDER     copies what a cluster needs of them, with all that this needs, in the versions of the lock file
import { cpSync, existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** Where node finds `name` when a module in `from` asks for it; undefined for optional parts of other systems. */
function find(name, from) {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name)
    if (existsSync(candidate)) return realpathSync(candidate)
    if (folder === dirname(folder)) return undefined
  }
}

/** Copies into one flat folder, so that no links are needed; fails if a library is needed in two versions. */
function collect(name, from, folder, known) {
  const source = find(name, from)
  if (source === undefined) return false
  const before = known.get(name)
  if (before !== undefined && before !== source)
    throw new Error(`${name} is needed in two versions: ${before}, ${source}`)
  if (before !== undefined) return true
  known.set(name, source)
  cpSync(source, join(folder, name), {
    recursive: true,
    filter: (path) => !path.slice(source.length).includes('node_modules'),
  })
  const { dependencies = {}, optionalDependencies = {} } = JSON.parse(
    readFileSync(join(source, 'package.json'), 'utf8'),
  )
  for (const needed of Object.keys({ ...dependencies, ...optionalDependencies }))
    if (!needed.startsWith('@types/') && !collect(needed, source, folder, known) && !(needed in optionalDependencies))
      throw new Error(`${needed}, which ${name} needs, is not installed`)
  return true
}

/** Copies each of `wanted`, by the package of ours that uses it, into `folder`; returns the names of all that was copied. */
export function collectLibraries(wanted, folder) {
  mkdirSync(folder, { recursive: true })
  const known = new Map()
  for (const [name, user] of Object.entries(wanted))
    if (!collect(name, join(root, 'packages', user), folder, known)) throw new Error(`${name} is not installed`)
  return [...known.keys()]
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = process.argv[2]
  if (!folder) throw new Error('usage: node packages/install/collect.mjs FOLDER')
  // Terminals are those of the pods on a cluster.
  process.stdout.write(`${collectLibraries({ '@libsql/client': 'controller' }, folder).join('\n')}\n`)
}
