// Does what is cancelled after git has ended leave git's process group alone?
import { getEventListeners, once } from 'node:events'
import { rm } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { deferred, temporary } from '../fixture.ts'
import { openPushes } from './pushes.ts'
import { serveGit, type Serving } from './serve.ts'

test('a push whose git has ended before its deploy', async () => {
  const folder = await temporary()
  const pushes = openPushes()
  const deploying = deferred()
  const hasEnded = deferred()
  const to = {
    deps: { authorize: async () => 'ok', expectPush: () => {} },
    limits: {},
    git: { program: 'git', path: process.env.PATH ?? '', folder },
    pushes,
    runFolder: folder,
    started: Date.now(),
    stopping: new AbortController().signal,
    isClosing: () => false,
  } as unknown as Serving
  const client = {
    gone: new AbortController().signal,
    warn: () => {},
    async attach(child: Parameters<Parameters<typeof serveGit>[1]['attach']>[0]) {
      pushes.of('app')!.deploying = deploying.resolved
      child.stdout.resume()
      child.stderr.resume()
      child.stdin.end()
      const [code] = (await once(child, 'close')) as [number]
      hasEnded.resolve()
      return code
    },
  }
  const call = { service: 'git-receive-pack', app: 'app', protocol: undefined } as const
  const served = serveGit(to, client, { username: 'ann', address: null }, call)
  await hasEnded.resolved
  await expect.poll(() => getEventListeners(pushes.of('app')!.cancel.signal, 'abort')).toEqual([])
  deploying.resolve()
  await served
  await rm(folder, { recursive: true, force: true })
})
