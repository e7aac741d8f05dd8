// How does the controller learn what this router has applied and which removed upstreams are still busy?
import type { RouterState } from '@deis/types'
import type { Talk } from './controller.ts'

export type Reporter = {
  /** Something that the controller wants to know has changed, or it asked. */
  changed(): void
  /** There is a controller to tell, or none any more. */
  attach(talk: Talk | null): void
}

/** What changes while a report waits for its turn is in that one. */
export function createReporter(state: () => RouterState): Reporter {
  let talk: Talk | null = null
  let due = false

  const send = (): void => {
    const to = talk
    if (to === null) {
      due = false
    } else if (to.hasRoom()) {
      due = false
      to.say(JSON.stringify(state()))
    } else
      to.drained(() => {
        if (talk === to) send()
      })
  }
  const changed = (): void => {
    if (due || talk === null) return
    due = true
    setImmediate(send)
  }
  return {
    changed,
    attach(to) {
      talk = to
      due = false
      changed()
    },
  }
}
