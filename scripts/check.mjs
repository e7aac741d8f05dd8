// Do types, lint, format, shell programs, migrations, references to documents and files and the words of names and texts hold, and
// is everything used?
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildAll } from './build.mjs'
import { installAll } from './install.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const log = (text) => console.log(`deis: ${text}`)
const bin = (name) => join(root, 'node_modules/.bin', name)

/** Each shell program by shellcheck, or at least its syntax by the shell that it is for. */
function shellChecks() {
  const files = execFileSync('git', ['ls-files', '-z', '*.sh'], { cwd: root, encoding: 'utf8' })
    .split('\0')
    .filter((path) => path !== '')
  if (spawnSync('shellcheck', ['--version']).status === 0) {
    log(`shellcheck checks ${files.length} shell programs`)
    // SC1091: what a script reads from elsewhere on its machine is not there to be checked.
    return [['shellcheck', ['--exclude=SC1091', ...files]]]
  }
  log(`shellcheck is not installed: only the syntax of ${files.length} shell programs is checked`)
  const isBash = (path) => /^#!.*bash|^# shellcheck shell=bash/m.test(readFileSync(join(root, path), 'utf8'))
  return files.map((path) => [isBash(path) ? 'bash' : 'sh', ['-n', path]])
}

installAll(log)
await buildAll(log)
const checks = [
  // All packages as one program: each resolves only what its own package.json names.
  [bin('tsc'), ['-p', 'tsconfig.base.json']],
  // Apart from them, as it runs in browsers.
  [bin('tsc'), ['-p', 'packages/web/tsconfig.json']],
  [bin('oxlint'), ['--type-aware', '--deny-warnings', '--tsconfig', 'tsconfig.base.json']],
  [bin('oxfmt'), ['--check']],
  // Files, exports and libraries that nothing uses.
  [bin('knip'), ['--no-progress']],
  [process.execPath, ['scripts/migration.mjs', '--check']],
  [process.execPath, ['scripts/references.mjs']],
  [process.execPath, ['scripts/words.mjs']],
  ...shellChecks(),
]
let failed = 0
for (const [command, args] of checks) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (status === 0) continue
  failed++
  console.error(`check failed: ${command.split('/').at(-1)} ${args.join(' ')}`)
}
if (failed === 0) log('types, lint, format, shell programs, use, migrations, references and words are fine')
process.exitCode = failed === 0 ? 0 : 1
