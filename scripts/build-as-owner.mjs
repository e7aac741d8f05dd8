// How does root build a checkout that belongs to another user, so that its owner can build it again?
//   sudo node scripts/build-as-owner.mjs      as the owner of the checkout: installs libraries and builds dist/
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** The home folder of a user, as the system knows it. */
function homeOf(uid) {
  const { stdout } = spawnSync('getent', ['passwd', '--', String(uid)], { encoding: 'utf8' })
  return (stdout ?? '').split(':')[5] || '/'
}

/** Nothing of root's environment but where programs are and how the network is reached. */
function asOwner() {
  const { uid, gid } = statSync(root)
  if (process.getuid() !== 0 || uid === 0) return {}
  const kept = Object.entries(process.env).filter(([name]) => /^(PATH|LANG|LC_ALL|TERM|(https?|no)_proxy)$/i.test(name))
  return { uid, gid, env: { ...Object.fromEntries(kept), HOME: homeOf(uid) } }
}

/** Whether it was built. */
export function buildAsOwner() {
  const options = { stdio: 'inherit', cwd: root, ...asOwner() }
  return spawnSync(process.execPath, [join(root, 'scripts/build.mjs')], options).status === 0
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = buildAsOwner() ? 0 : 1
