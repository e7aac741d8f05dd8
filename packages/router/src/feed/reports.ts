// How does the controller learn what this router has applied and which removed upstreams are still busy?
import type { RouterState } from '@deis/types'
import type { ControllerConnection } from './controller.ts'

export type Reporter = {
  /** Something that the controller wants to know has changed, or it asked. */
  changed(): void
  /** The connection to report to; null: none. */
  attach(connection: ControllerConnection | null): void
}

/** A report includes all changes until it is sent. */
export function createReporter(state: () => RouterState): Reporter {
  let connection: ControllerConnection | null = null
  let due = false

  const send = (): void => {
    const to = connection
    if (to === null) {
      due = false
    } else if (to.isWritable()) {
      due = false
      to.send(JSON.stringify(state()))
    } else
      to.drained(() => {
        if (connection === to) send()
      })
  }
  const changed = (): void => {
    if (due || connection === null) return
    due = true
    setImmediate(send)
  }
  return {
    changed,
    attach(to) {
      connection = to
      due = false
      changed()
    },
  }
}
