// How does the platform of this checkout become services of this machine?
//   sudo npm run install-server -- --domain apps.example.com [--dry-run]      (docs/server.md)
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Whose home folder that is, as the system knows it. */
function homeOf(uid) {
  const { stdout } = spawnSync('getent', ['passwd', '--', String(uid)], { encoding: 'utf8' })
  return (stdout ?? '').split(':')[5] || '/'
}

/**
 * As the owner of the checkout: what root builds, its owner could not build again. Nothing of root's environment but where
 * programs are and how the network is reached.
 */
function asOwner() {
  const { uid, gid } = statSync(root)
  if (process.getuid() !== 0 || uid === 0) return {}
  const kept = Object.entries(process.env).filter(([name]) => /^(PATH|LANG|LC_ALL|TERM|(https?|no)_proxy)$/i.test(name))
  return { uid, gid, env: { ...Object.fromEntries(kept), HOME: homeOf(uid) } }
}

const run = (args, options) => spawnSync(process.execPath, args, { stdio: 'inherit', ...options }).status ?? 1

if (run([join(root, 'scripts/build.mjs')], { ...asOwner(), cwd: root }) !== 0) {
  console.error('deis: the build failed, and nothing was installed; see the lines above')
  process.exit(1)
}
process.exitCode = run([join(root, 'dist/server/main.js'), 'install', ...process.argv.slice(2)], {
  cwd: process.env.INIT_CWD ?? process.cwd(),
})
