// Which installed libraries does the built controller still load at run time, and how do they get into an image alone?
//   node packages/install/collect.mjs FOLDER     copies them with all they need, in the versions of the lock file
import { cpSync, existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** What scripts/build.mjs leaves outside of the bundle and is not optional: it has a native part. */
const wanted = ['@libsql/client']

/** Where node finds `name` when a module in `from` asks for it; undefined for optional parts of other systems. */
function find(name, from) {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name)
    if (existsSync(candidate)) return realpathSync(candidate)
    if (folder === dirname(folder)) return undefined
  }
}

/** Flat, so that no links are needed; two versions of one library would need more than that. */
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
