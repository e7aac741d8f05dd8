// How does one change at a time happen to an app, while different apps change side by side (docs/architecture.md, principle 5)?
import type { Held } from '../../store/peers.ts'

export type AppQueue = {
  /** Runs `work` when everything asked for this app before has ended. Its signal aborts on cancel() and shutdown. */
  run<T>(app: string, work: (signal: AbortSignal) => Promise<T>): Promise<T>
  /** Aborts what runs and everything that waits for the app; later calls are served again. */
  cancel(app: string, reason: Error): void
  /** Whether something is done for the app here, or waits. */
  isBusy(app: string): boolean
  /** Resolves when nothing runs any more. */
  idle(): Promise<void>
}

type Line = { tail: Promise<unknown>; waiting: number; abort: AbortController }

/** `lock` keeps out other controllers: it is taken for each piece of work, when its turn has come here. */
export function createQueue(
  shutdown: AbortSignal,
  lock: (name: string, signal: AbortSignal) => Promise<Held>,
): AppQueue {
  const lines = new Map<string, Line>()
  return {
    async run(app, work) {
      const line = lines.get(app) ?? { tail: Promise.resolve(), waiting: 0, abort: new AbortController() }
      lines.set(app, line)
      line.waiting++
      const signal = AbortSignal.any([line.abort.signal, shutdown])
      const result = line.tail.then(async () => {
        signal.throwIfAborted()
        const held = await lock(`app/${app}`, signal)
        try {
          return await work(AbortSignal.any([signal, held.signal]))
        } finally {
          await held.release()
        }
      })
      // The next in line starts whatever became of this one, which its own caller hears about.
      line.tail = result.catch(() => {})
      try {
        return await result
      } finally {
        line.waiting--
        if (line.waiting === 0 && lines.get(app) === line) lines.delete(app)
      }
    },
    cancel(app, reason) {
      const line = lines.get(app)
      if (!line) return
      line.abort.abort(reason)
      line.abort = new AbortController()
    },
    isBusy: (app) => lines.has(app),
    async idle() {
      while (lines.size > 0) await Promise.all([...lines.values()].map((line) => line.tail))
    },
  }
}
