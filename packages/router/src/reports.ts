// How does the controller learn what this router has applied and which removed upstreams are still busy?
import { setTimeout as wait } from 'node:timers/promises'
import { messageOf, reportRouterState, type RouterState } from '@deis/types'
import { callController, type Controller } from './controller.ts'
import type { Timing } from './timing.ts'

const answerWithin = 5_000

export type Reporter = {
  /** Something that the controller wants to know has changed. */
  changed(): void
  connected(is: boolean): void
}

type Options = {
  readonly controller: Controller
  readonly timing: Timing
  readonly log: (line: string) => void
  readonly state: () => RouterState
  readonly signal: AbortSignal
}

/** One report under way at a time; what changes meanwhile is in the next one. Tried again for as long as the feed stands. */
export function createReporter(options: Options): Reporter {
  const { timing, signal } = options
  const now = { due: false, online: false, running: false }

  const send = async (): Promise<void> => {
    const answer = await callController(options.controller, {
      method: reportRouterState.method,
      path: reportRouterState.path,
      body: options.state(),
      status: reportRouterState.status,
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerWithin)]),
    })
    answer.resume()
  }

  const run = async (): Promise<void> => {
    let delay = timing.firstDelay
    while (now.due && now.online && !signal.aborted) {
      now.due = false
      try {
        await send()
        delay = timing.firstDelay
      } catch (error) {
        now.due = true
        if (signal.aborted) break
        if (delay === timing.firstDelay)
          options.log(`the state of the router could not be reported: ${messageOf(error)}`)
        await wait(delay, undefined, { signal }).catch(() => undefined)
        delay = Math.min(delay * 2, timing.lastDelay)
      }
    }
    now.running = false
  }

  const wake = (): void => {
    if (now.running || !now.due || !now.online || signal.aborted) return
    now.running = true
    void run()
  }

  return {
    changed() {
      now.due = true
      wake()
    },
    connected(is) {
      now.online = is
      wake()
    },
  }
}
