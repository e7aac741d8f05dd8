// Are the libraries that the lock file names installed? If not, they are fetched, with nothing but npm on the machine.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const stamp = join(root, '.stamps/install')
const pnpm = 'pnpm@12.21.0'

/** Installs when needed, showing the installer's own progress. */
export function installAll(log) {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19))
    throw new Error(`Node.js 20.19 or newer is needed, this is ${process.version}`)
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'pnpm-lock.yaml')))
    .update(process.version)
    .digest('hex')
  if (existsSync(join(root, 'node_modules')) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted)
    return false
  log('installing libraries (once; a minute or less)')
  const { status, error } = spawnSync(
    'npx',
    ['--yes', pnpm, 'install', '--frozen-lockfile', '--reporter=append-only'],
    {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, npm_config_loglevel: 'error' },
    },
  )
  if (error) throw new Error(`npx cannot be started (${error.message}): is npm installed?`)
  if (status !== 0) throw new Error('the libraries could not be installed; see the lines above')
  mkdirSync(join(root, '.stamps'), { recursive: true })
  writeFileSync(stamp, wanted)
  return true
}
