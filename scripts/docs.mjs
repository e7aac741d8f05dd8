// What do the commands of `deis` say about themselves?
//   node scripts/docs.mjs      writes docs/commands.md
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tsImport } from 'tsx/esm/api'

const root = fileURLToPath(new URL('..', import.meta.url))
const load = (name) => tsImport(`../packages/cli/src/${name}.ts`, import.meta.url)
const [{ createContext }, { definitions }, { commandsDocument }, { processIo }] = await Promise.all(
  ['profile/context', 'help/definitions', 'help/docs', 'terminal/io'].map(load),
)
const context = createContext(processIo(new AbortController().signal), { profile: undefined, debug: false })
mkdirSync(join(root, 'docs'), { recursive: true })
writeFileSync(join(root, 'docs/commands.md'), commandsDocument(await definitions(context)))
