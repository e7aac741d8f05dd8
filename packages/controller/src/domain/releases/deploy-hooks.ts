// Who is notified of every release, and how (docs/contract/api.md §3.15)?
import { createHmac } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf, platformVersion } from '@deis/types'
import type { Core } from '../core.ts'

/** Per try: a receiver that hangs keeps nothing but its own later messages waiting. */
const timeoutMs = 10_000
const retryDelaysMs = [1_000, 5_000]
/** A receiver that is away for long must not fill our memory. */
const maxWaiting = 1_000

export type Announcement = {
  readonly app: string
  readonly version: number
  readonly summary: string
  readonly sha: string
  readonly user: string
}

/** The URL with the fields of the release, and the signature by which the receiver knows the sender. */
export function hookRequest(
  hook: string,
  { app, version, summary, sha, user }: Announcement,
  secret: string | null,
): { url: string; headers: Record<string, string> } {
  const url = new URL(hook)
  const fields = { app, release: `v${version}`, release_summary: summary, sha, user }
  for (const [name, value] of Object.entries(fields)) url.searchParams.append(name, value)
  const signature = secret === null ? null : createHmac('sha1', secret).update(url.href).digest('hex')
  return {
    url: url.href,
    headers: {
      'user-agent': `Deis Controller/${platformVersion}`,
      ...(signature === null ? {} : { authorization: signature }),
    },
  }
}

/** Tries again only when no answer came: what the answer is does not matter. */
async function post(url: string, headers: Record<string, string>, shutdown: AbortSignal): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      const signal = AbortSignal.any([shutdown, AbortSignal.timeout(timeoutMs)])
      const answer = await fetch(url, { method: 'POST', headers, redirect: 'manual', signal })
      await answer.body?.cancel()
      return
    } catch (error) {
      const delay = retryDelaysMs[attempt]
      if (shutdown.aborted || delay === undefined) throw error
      await sleep(delay, undefined, { signal: shutdown })
    }
  }
}

async function deliver(core: Core, hook: string, announcement: Announcement): Promise<void> {
  const { url, headers } = hookRequest(hook, announcement, core.config.deployHooks.secret)
  try {
    await post(url, headers, core.shutdown)
    core.logs.write(announcement.app, 'INFO', `Deploy hook sent to ${hook}`)
  } catch (error) {
    if (core.shutdown.aborted) return
    const { cause } = error as { cause?: unknown }
    const text = `An error occurred while sending the deploy hook to ${hook}: ${messageOf(cause ?? error)}`
    core.logs.write(announcement.app, 'ERROR', text)
  }
}

export type HookQueue = { tail: Promise<void>; waiting: number }

/** Returns at once; each receiver is notified of releases in their order. */
export function announceRelease(core: Core, announcement: Announcement): void {
  const all = core.here.hooks
  for (const hook of core.config.deployHooks.urls) {
    const queue = all.get(hook) ?? { tail: Promise.resolve(), waiting: 0 }
    all.set(hook, queue)
    if (queue.waiting >= maxWaiting) {
      core.log.error({ app: announcement.app, hook }, 'a deploy hook was dropped: too many wait')
      continue
    }
    queue.waiting++
    queue.tail = queue.tail.then(async () => {
      await deliver(core, hook, announcement)
      queue.waiting--
    })
  }
}
