// Which installed libraries does the built controller load at run time, and how are only these copied into an image?
//   node packages/install/collect.mjs FOLDER     copies them with all they need, in the versions of the lock file
import { cpSync, existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** Required libraries that scripts/build.mjs leaves outside of the bundle: they have a native part. */
const wanted = ['@libsql/client']

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

const folder = process.argv[2]
if (!folder) throw new Error('usage: node packages/install/collect.mjs FOLDER')
mkdirSync(folder, { recursive: true })
const known = new Map()
for (const name of wanted)
  if (!collect(name, join(root, 'packages/controller'), folder, known)) throw new Error(`${name} is not installed`)
process.stdout.write(`${[...known.keys()].join('\n')}\n`)
