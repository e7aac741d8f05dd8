// How does the router follow the controller's route table across failures of the controller?
import { setTimeout as wait } from 'node:timers/promises'
import { messageOf, type RouteEvent } from '@deis/types'
import { callController, type Controller, type ControllerConnection, WrongAnswer } from './controller.ts'
import { parseEvent } from './events.ts'
import type { Timing } from '../timing.ts'

type Feed = {
  readonly controller: Controller
  readonly router: string
  readonly timing: Timing
  readonly log: (line: string) => void
  /** Throws when an event does not fit; the feed then starts over. */
  readonly apply: (event: RouteEvent) => void
  /** Called with the connection to the controller; null: it has ended. */
  readonly connected: (connection: ControllerConnection | null) => void
}

async function readOnce(feed: Feed, signal: AbortSignal, onSnapshot: () => void): Promise<never> {
  const silence = new AbortController()
  const { silence: limit } = feed.timing
  const timer = setTimeout(() => silence.abort(), limit)
  let connection: ControllerConnection | null = null
  try {
    connection = await callController(feed.controller, feed.router, AbortSignal.any([signal, silence.signal]))
    timer.refresh()
    feed.connected(connection)
    let first = true
    for await (const text of connection.texts) {
      timer.refresh()
      const event = parseEvent(text)
      if (first && event.type !== 'snapshot') throw new Error('the feed did not begin with a snapshot')
      feed.apply(event)
      if (first) onSnapshot()
      first = false
    }
  } catch (error) {
    if (silence.signal.aborted) throw new Error(`no data for ${limit / 1000} s`, { cause: error })
    throw error
  } finally {
    clearTimeout(timer)
    feed.connected(null)
    connection?.end()
  }
  throw new Error('the controller ended the feed')
}

/** Runs until `signal` aborts. The table stays as it is while there is no controller. */
export async function followFeed(feed: Feed, signal: AbortSignal): Promise<void> {
  let delay = feed.timing.firstDelay
  let most = feed.timing.lastDelay
  let problem: string | null = null
  while (!signal.aborted) {
    try {
      await readOnce(feed, signal, () => {
        delay = feed.timing.firstDelay
        if (problem !== null) feed.log('the route feed works again')
        problem = null
      })
    } catch (error) {
      if (signal.aborted) return
      const { lastDelay, lastWrongDelay } = feed.timing
      most = error instanceof WrongAnswer ? lastWrongDelay : lastDelay
      // Logged once per outage and cause, not once per attempt.
      const cause = messageOf(error)
      if (cause !== problem)
        feed.log(`the route feed from ${feed.controller.url} failed; routing continues with the last table: ${cause}`)
      problem = cause
    }
    // Jitter, so that several routers do not reconnect at the same time.
    const pause = delay * (0.5 + Math.random() / 2)
    delay = Math.min(delay * 2, most)
    await wait(pause, undefined, { signal }).catch(() => undefined)
  }
}
