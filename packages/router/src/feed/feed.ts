// How does the router follow the controller's route table, whatever happens to the controller?
import { setTimeout as wait } from 'node:timers/promises'
import { messageOf, type RouteEvent } from '@deis/types'
import { callController, type Controller, type Talk, WrongAnswer } from './controller.ts'
import { parseEvent } from './events.ts'
import type { Timing } from '../timing.ts'

type Feed = {
  readonly controller: Controller
  readonly router: string
  readonly timing: Timing
  readonly log: (line: string) => void
  /** Throws when an event does not fit; the feed then starts over. */
  readonly apply: (event: RouteEvent) => void
  /** To whom the router can speak; null: nobody any more. */
  readonly connected: (talk: Talk | null) => void
}

async function readOnce(feed: Feed, signal: AbortSignal, onSnapshot: () => void): Promise<never> {
  const silence = new AbortController()
  const { silence: limit } = feed.timing
  const timer = setTimeout(() => silence.abort(), limit)
  let talk: Talk | null = null
  try {
    talk = await callController(feed.controller, feed.router, AbortSignal.any([signal, silence.signal]))
    timer.refresh()
    feed.connected(talk)
    let first = true
    for await (const text of talk.texts) {
      timer.refresh()
      const event = parseEvent(text)
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
    feed.connected(null)
    talk?.end()
  }
  throw new Error('the controller ended the feed')
}

/** Runs until `signal` aborts. The table stays as it is while there is no controller. */
export async function followFeed(feed: Feed, signal: AbortSignal): Promise<void> {
  let delay = feed.timing.firstDelay
  let most = feed.timing.lastDelay
  let trouble: string | null = null
  while (!signal.aborted) {
    try {
      await readOnce(feed, signal, () => {
        delay = feed.timing.firstDelay
        if (trouble !== null) feed.log('the route feed is back')
        trouble = null
      })
    } catch (error) {
      if (signal.aborted) return
      const { lastDelay, lastWrongDelay } = feed.timing
      most = error instanceof WrongAnswer ? lastWrongDelay : lastDelay
      // Said once an outage and cause, not once a try.
      const cause = messageOf(error)
      if (cause !== trouble)
        feed.log(`the route feed of ${feed.controller.url} broke, routing goes on with the last table: ${cause}`)
      trouble = cause
    }
    // Spread, so that several routers do not come back in step.
    const pause = delay * (0.5 + Math.random() / 2)
    delay = Math.min(delay * 2, most)
    await wait(pause, undefined, { signal }).catch(() => undefined)
  }
}
