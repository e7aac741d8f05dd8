// How are the logs of an app and the controller followed, over releases and restarts?
import type { Readable } from 'node:stream'
import type { Core } from '../core.ts'
import { controllerLine, isWanted, linesOfPods, merged, podLine, type Wanted } from './logs.ts'
import { createOutbox } from './outbox.ts'
import { recheckPermission } from '../accounts/access.ts'

const maxBytes = 1024 * 1024
/** Proxies close a connection after 60 s or more without a byte. */
export const keepAliveMs = 25_000
/** No line of a log is empty, so clients ignore an empty one. */
const keepAlive = '\n'

export type FollowOptions = {
  /** Aborted when the client disconnects. */
  readonly signal: AbortSignal
  /** Checked now and then: permissions and apps can end, also through another controller. */
  readonly isAllowed: () => Promise<boolean>
  readonly checkEveryMs?: number
  readonly silenceMs?: number
}

/** First the newest lines, then each one after them. Ends with the signal, the controller, the app or the permission to read it. */
export async function followLogs(
  core: Core,
  app: string,
  wanted: Wanted,
  { signal, isAllowed, checkEveryMs = 15_000, silenceMs = keepAliveMs }: FollowOptions,
): Promise<Readable> {
  const over = new AbortController()
  const until = AbortSignal.any([signal, core.shutdown, over.signal])
  const outbox = createOutbox({
    maxBytes,
    silence: { ms: silenceMs, text: keepAlive },
    leftOut: (lines) =>
      controllerLine({ time: new Date(), text: `WARN ${lines} lines left out: the connection is slower than the log` }),
  })
  const isMine = wanted.type === null
  try {
    const [controller, pods] = await Promise.all([
      core.logs.follow(
        app,
        isMine ? wanted.lines : 0,
        { onLine: (line) => isMine && outbox.write(controllerLine(line)), removed: () => over.abort() },
        until,
      ),
      core.scheduler.follow(
        app,
        { lines: linesOfPods(wanted) },
        (line) => {
          if (isWanted(wanted, line)) outbox.write(podLine(line))
        },
        until,
      ),
    ])
    outbox.start(merged(wanted, controller, pods))
  } catch (error) {
    over.abort()
    outbox.readable.destroy()
    throw error
  }
  const stopChecking = recheckPermission(
    isAllowed,
    checkEveryMs,
    () => over.abort(),
    (error) => core.log.warn({ app, err: error }, 'could not check whether a log may still be followed'),
  )
  const finish = (): void => {
    stopChecking()
    outbox.end()
  }
  if (until.aborted) finish()
  else until.addEventListener('abort', finish, { once: true })
  outbox.readable.once('close', () => over.abort())
  return outbox.readable
}
