// What does a process do that serves for a router which has several?
import type { RouteEvent } from '@deis/types'
import { type ServeOptions, type Serving, startServing } from './serve.ts'
import { applyEvent, emptyTable } from './table/table.ts'
import type { FromWorker, ToWorker } from './workers.ts'

function tell(message: FromWorker): void {
  // When the primary has ended, so does this process.
  if (process.connected) process.send!(message, undefined, undefined, () => undefined)
}

/** Runs until the primary tells it to end, or has ended. */
export function runWorker(options: ServeOptions): void {
  // Those go to all processes of a terminal or a service; the primary tells its workers what to do.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => undefined)
  let serving: Promise<Serving> | null = null
  let due = false

  const changed = (): void => {
    if (due) return
    due = true
    setImmediate(() => {
      due = false
      void serving?.then((one) => tell({ progress: one.progress() }))
    })
  }
  const start = async (first: RouteEvent): Promise<Serving> => {
    const one = await startServing(options, applyEvent(emptyTable, first), changed)
    const { port, tlsPort, publicPort } = one
    tell({ listening: { port, tlsPort, publicPort } })
    return one
  }
  process.on('message', (message: ToWorker) => {
    if ('event' in message && serving === null) {
      serving = start(message.event)
      serving.catch((error: NodeJS.ErrnoException & { port?: number }) => {
        const { message: text, code, port } = error
        tell({ failed: { message: text, code, port } })
        process.exitCode = 1
        process.disconnect()
      })
    } else if ('measure' in message)
      void serving?.then(
        async (one) => tell({ measured: message.measure, numbers: (await one.measure()).live[0]! }),
        () => undefined,
      )
    else if ('event' in message)
      void serving?.then(
        (one) => one.apply(message.event),
        () => undefined,
      )
    else
      void serving?.then(
        (one) => one.close().then(() => process.disconnect()),
        () => undefined,
      )
  })
  tell({ ready: true })
}
