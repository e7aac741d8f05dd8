// How does the router follow the controller's route table, whatever happens to the controller?
import { setTimeout as wait } from 'node:timers/promises'
import { messageOf, type RouteEvent, streamRoutes } from '@deis/types'
import { callController, type Controller } from './controller.ts'
import { parseEvent } from './events.ts'
import { linesOf } from './lines.ts'
import type { Timing } from './timing.ts'

const longestLine = 16 * 1024 * 1024

type Feed = {
  readonly controller: Controller
  readonly router: string
  readonly timing: Timing
  readonly log: (line: string) => void
  /** Throws when an event does not fit; the feed then starts over. */
  readonly apply: (event: RouteEvent) => void
  /** True from the first snapshot of a connection to its end. */
  readonly connected: (is: boolean) => void
}

async function readOnce(feed: Feed, signal: AbortSignal, onSnapshot: () => void): Promise<never> {
  const silence = new AbortController()
  const { silence: limit } = feed.timing
  const timer = setTimeout(() => silence.abort(), limit)
  try {
    const answer = await callController(feed.controller, {
      method: streamRoutes.method,
      path: streamRoutes.path,
      query: { router: feed.router },
      status: streamRoutes.status,
      signal: AbortSignal.any([signal, silence.signal]),
    })
    let first = true
    for await (const line of linesOf(answer, longestLine)) {
      timer.refresh()
      const event = parseEvent(line)
      if (first && event.type !== 'snapshot') throw new Error('the feed did not begin with a snapshot')
      feed.apply(event)
      if (first) onSnapshot()
      first = false
    }
  } catch (error) {
    if (silence.signal.aborted) throw new Error(`nothing came for ${limit / 1000} s`, { cause: error })
    throw error
  } finally {
    clearTimeout(timer)
  }
  throw new Error('the controller ended the feed')
}

/** Runs until `signal` aborts. The table stays as it is while there is no controller. */
export async function followFeed(feed: Feed, signal: AbortSignal): Promise<void> {
  let delay = feed.timing.firstDelay
  let healthy = true
  while (!signal.aborted) {
    try {
      await readOnce(feed, signal, () => {
        delay = feed.timing.firstDelay
        if (!healthy) feed.log('the route feed is back')
        healthy = true
        feed.connected(true)
      })
    } catch (error) {
      feed.connected(false)
      if (signal.aborted) return
      // Said once an outage, not once a try.
      if (healthy)
        feed.log(
          `the route feed of ${feed.controller.url} broke, routing goes on with the last table: ${messageOf(error)}`,
        )
      healthy = false
    }
    // Spread, so that several routers do not come back in step.
    const pause = delay * (0.5 + Math.random() / 2)
    delay = Math.min(delay * 2, feed.timing.lastDelay)
    await wait(pause, undefined, { signal }).catch(() => undefined)
  }
}
