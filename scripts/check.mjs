// Do types, lint, format, migrations, references to documents and files and the words of names and texts hold, and is everything used?
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildAll } from './build.mjs'
import { installAll } from './install.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const log = (text) => console.log(`deis: ${text}`)
const bin = (name) => join(root, 'node_modules/.bin', name)

installAll(log)
await buildAll(log)
const checks = [
  // All packages as one program: each resolves only what its own package.json names.
  [bin('tsc'), ['-p', 'tsconfig.base.json']],
  [bin('oxlint'), ['--type-aware', '--deny-warnings', '--tsconfig', 'tsconfig.base.json']],
  [bin('oxfmt'), ['--check']],
  // Files, exports and libraries that nothing uses.
  [bin('knip'), ['--no-progress']],
  [process.execPath, ['scripts/migration.mjs', '--check']],
  [process.execPath, ['scripts/references.mjs']],
  [process.execPath, ['scripts/words.mjs']],
]
let failed = 0
for (const [command, args] of checks) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (status === 0) continue
  failed++
  console.error(`check failed: ${command.split('/').at(-1)} ${args.join(' ')}`)
}
if (failed === 0) log('types, lint, format, use, migrations, references and words are fine')
process.exitCode = failed === 0 ? 0 : 1
