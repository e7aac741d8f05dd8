// How does somebody follow what an app and the controller say, over releases and restarts?
import type { Readable } from 'node:stream'
import type { Core } from '../core.ts'
import { controllerLine, isWanted, linesOfPods, merged, podLine, type Wanted } from './logs.ts'
import { createOutbox } from './outbox.ts'
import { askWhether } from '../accounts/right.ts'

const maxBytes = 1024 * 1024
/** Proxies hang up after 60 s without a byte, or more. */
export const signOfLifeMs = 25_000
/** No line of a log is empty, so an empty one tells nothing. */
const signOfLife = '\n'

export type FollowOptions = {
  /** The client is gone. */
  readonly signal: AbortSignal
  /** Asked now and then: rights end, and so do apps, also by the hand of another controller. */
  readonly mayGoOn: () => Promise<boolean>
  readonly askEveryMs?: number
  readonly silenceMs?: number
}

/** First the newest lines, then each one after them. Ends with the signal, the controller, the app or the right to read it. */
export async function followLogs(
  core: Core,
  app: string,
  wanted: Wanted,
  { signal, mayGoOn, askEveryMs = 15_000, silenceMs = signOfLifeMs }: FollowOptions,
): Promise<Readable> {
  const over = new AbortController()
  const until = AbortSignal.any([signal, core.shutdown, over.signal])
  const outbox = createOutbox({
    maxBytes,
    silence: { ms: silenceMs, text: signOfLife },
    leftOut: (lines) =>
      controllerLine({ time: new Date(), text: `WARN ${lines} lines left out: the connection is slower than the log` }),
  })
  const isMine = wanted.type === null
  try {
    const [controller, pods] = await Promise.all([
      core.logs.follow(
        app,
        isMine ? wanted.lines : 0,
        { onLine: (line) => isMine && outbox.say(controllerLine(line)), removed: () => over.abort() },
        until,
      ),
      core.scheduler.follow(
        app,
        { lines: linesOfPods(wanted) },
        (line) => {
          if (isWanted(wanted, line)) outbox.say(podLine(line))
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
  const stopAsking = askWhether(
    mayGoOn,
    askEveryMs,
    () => over.abort(),
    (error) => core.log.warn({ app, err: error }, 'whether a log may still be followed is not known'),
  )
  const finish = (): void => {
    stopAsking()
    outbox.end()
  }
  if (until.aborted) finish()
  else until.addEventListener('abort', finish, { once: true })
  outbox.readable.once('close', () => over.abort())
  return outbox.readable
}
