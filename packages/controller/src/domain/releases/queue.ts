// How are changes of one app queued, while different apps change in parallel (docs/architecture.md, principle 5)?
import type { Held } from '../../store/peers.ts'

export type AppQueue = {
  /** Runs `work` when all earlier work of this app has ended. Its signal aborts on cancel() and shutdown. */
  run<T>(app: string, work: (signal: AbortSignal) => Promise<T>): Promise<T>
  /** Aborts what runs and everything that waits for the app; later calls are served again. */
  cancel(app: string, reason: Error): void
  /** Whether something is done for the app here, or waits. */
  isBusy(app: string): boolean
  /** How many pieces of work run or wait, of all apps. */
  length(): number
  /** Resolves when nothing runs any more. */
  idle(): Promise<void>
}

type Entry = { tail: Promise<unknown>; waiting: number; abort: AbortController }

/** `lock` excludes other controllers: it is taken for each piece of work, when its turn has come. */
export function createQueue(
  shutdown: AbortSignal,
  lock: (name: string, signal: AbortSignal) => Promise<Held>,
): AppQueue {
  const entries = new Map<string, Entry>()
  return {
    async run(app, work) {
      const entry = entries.get(app) ?? { tail: Promise.resolve(), waiting: 0, abort: new AbortController() }
      entries.set(app, entry)
      entry.waiting++
      const signal = AbortSignal.any([entry.abort.signal, shutdown])
      const result = entry.tail.then(async () => {
        signal.throwIfAborted()
        const held = await lock(`app/${app}`, signal)
        try {
          return await work(AbortSignal.any([signal, held.signal]))
        } finally {
          await held.release()
        }
      })
      // The next one starts however this one ended; its own caller gets the error.
      entry.tail = result.catch(() => {})
      try {
        return await result
      } finally {
        entry.waiting--
        if (entry.waiting === 0 && entries.get(app) === entry) entries.delete(app)
      }
    },
    cancel(app, reason) {
      const entry = entries.get(app)
      if (!entry) return
      entry.abort.abort(reason)
      entry.abort = new AbortController()
    },
    isBusy: (app) => entries.has(app),
    length: () => [...entries.values()].reduce((sum, { waiting }) => sum + waiting, 0),
    async idle() {
      while (entries.size > 0) await Promise.all([...entries.values()].map((entry) => entry.tail))
    },
  }
}
