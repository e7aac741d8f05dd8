// How does the platform of this checkout become services of this machine?
//   sudo npm run install-server -- --domain apps.example.com [--dry-run]      (docs/server.md)
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildAsOwner } from './build-as-owner.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

if (!buildAsOwner()) {
  console.error('deis: the build failed, and nothing was installed; see the lines above')
  process.exit(1)
}
const { status } = spawnSync(
  process.execPath,
  [join(root, 'dist/server/main.js'), 'install', ...process.argv.slice(2)],
  { stdio: 'inherit', cwd: process.env.INIT_CWD ?? process.cwd() },
)
process.exitCode = status ?? 1
