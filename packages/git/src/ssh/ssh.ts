// How is the ssh server for `git push` started and stopped?
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { listenAt } from '@deis/lib/listen'
import type { Algorithms } from 'ssh2'
import ssh2 from 'ssh2'
import { openListener } from './listener.ts'
import { serveHttp } from '../https/https.ts'
import { killOrphans, writeSettings } from '../git.ts'
import { openHistory } from '../history.ts'
import { writeHooks } from '../push/hooks.ts'
import { hostKeys, publicParts } from './hostkeys.ts'
import { defaultLimits, type GitServer, type GitServerDeps } from '../port.ts'
import { openPushes } from '../push/pushes.ts'
import type { Receiving } from '../push/receive.ts'
import { openRepos } from '../repos.ts'
import type { Serving } from '../push/serve.ts'

// No SHA-1, no CBC, no compression before or after authentication.
const algorithms: Algorithms = {
  kex: [
    'curve25519-sha256',
    'curve25519-sha256@libssh.org',
    'ecdh-sha2-nistp256',
    'ecdh-sha2-nistp384',
    'ecdh-sha2-nistp521',
    'diffie-hellman-group16-sha512',
    'diffie-hellman-group14-sha256',
  ],
  cipher: [
    'aes128-gcm@openssh.com',
    'aes256-gcm@openssh.com',
    'chacha20-poly1305@openssh.com',
    'aes128-ctr',
    'aes192-ctr',
    'aes256-ctr',
  ],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256', 'hmac-sha2-512'],
  serverHostKey: ['ssh-ed25519', 'ecdsa-sha2-nistp256'],
  compress: ['none'],
}

const keepaliveMs = 15_000
// Time after an abort for a deploy's final messages and the end of git.
const finishMs = 15_000
const cancelMs = 30_000
// What a client that has connected needs to prove its key and send its command.
const beginMs = 5_000

/** Whether the promise ended in time. */
async function within(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const late = new AbortController()
  try {
    return await Promise.race([
      promise.then(() => true),
      sleep(Math.max(0, ms), false, { signal: late.signal, ref: true }),
    ])
  } finally {
    late.abort()
  }
}

/** @throws Error when the folder, its hooks, the host keys or the port cannot be used. */
export async function startGitServer(deps: GitServerDeps): Promise<GitServer> {
  const limits = { ...defaultLimits, ...deps.limits }
  const git = { program: deps.gitPath, path: deps.path, folder: deps.folder }
  const runFolder = join(deps.folder, '.run')
  const pushes = openPushes()
  await killOrphans(git)
  const receiving: Receiving = { deps, limits, git, pushes, runFolder, started: Date.now() }
  await openRepos(deps.folder, runFolder)
  await writeHooks(join(deps.folder, '.hooks'))
  await writeSettings(git, join(deps.folder, '.hooks'), deps.maxPackBytes)
  const keys = await hostKeys(deps.hostKeyFolder)

  const stopping = new AbortController()
  let closing = false
  const serving: Serving = {
    ...receiving,
    stopping: stopping.signal,
    isClosing: () => closing,
  }
  const ssh = new ssh2.Server({
    hostKeys: keys,
    algorithms,
    ident: 'deis',
    keepaliveInterval: keepaliveMs,
    keepaliveCountMax: 3,
  })
  const listener = openListener(ssh, serving)
  let port: number
  try {
    port = await listenAt(listener.server, deps, (line) => deps.log('warn', line, {}))
  } catch (error) {
    throw new Error(`git cannot listen on ${deps.host}:${deps.port}: ${(error as Error).message}`, { cause: error })
  }

  const overHttp = new Set<Promise<void>>()
  const workDone = async (): Promise<void> => {
    while (listener.work.size + overHttp.size > 0) await Promise.allSettled([...listener.work, ...overHttp])
  }
  return {
    port,
    hostKeys: publicParts(keys),
    async serveHttp(...asked) {
      const work = serveHttp(serving, ...asked).finally(() => overHttp.delete(work))
      overHttp.add(work)
      await work
    },
    history: openHistory({ deps, limits, git }),
    isPushing: (app) => pushes.of(app) !== undefined,
    async cancelPushes(app) {
      const push = pushes.of(app)
      if (!push) return
      push.cancel.abort(new Error(`App ${app} is being destroyed: the push was cancelled.`))
      if (!(await within(push.ended, cancelMs)))
        throw new Error(`the push of "${app}" by "${push.username}" did not end within ${cancelMs / 1000} s: try again`)
    },
    finish: (deadlineMs) => within(within(listener.stopAccepting(), beginMs).then(workDone), deadlineMs),
    async close(deadlineMs) {
      closing = true
      if (!(await within(workDone(), deadlineMs))) {
        for (const push of pushes.all())
          push.cancel.abort(new Error('The platform is shutting down and nothing was changed. Push again in a moment.'))
        stopping.abort()
        if (!(await within(workDone(), finishMs)))
          deps.log('error', 'pushes did not end', { apps: pushes.all().map((push) => push.app) })
      }
      await listener.close()
    },
  }
}
