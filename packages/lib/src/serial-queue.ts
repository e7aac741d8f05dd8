// How does the work of one app run one at a time, and how is all of it cancelled at once?
import { unlessAborted } from './wait.ts'

export type SerialQueue = {
  /** Runs `work` when everything queued for the app before has ended. Its signal follows the caller's and `cancel`. */
  queued<T>(app: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T>
  /** Runs `work` at once, without waiting for the queue, but cancelled with it. */
  alongside<T>(app: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T>
  /** Aborts what runs or waits for the app (null: for all) and resolves when it has ended. */
  cancel(app: string | null, reason: Error): Promise<void>
}

type Job = { readonly app: string; readonly abort: AbortController; readonly ended: Promise<void> }

export function createSerialQueue(): SerialQueue {
  const last = new Map<string, Promise<void>>()
  const jobs = new Set<Job>()

  const begin = <T>(
    app: string,
    signal: AbortSignal,
    before: Promise<void>,
    work: (signal: AbortSignal) => Promise<T>,
  ): { result: Promise<T>; ended: Promise<void> } => {
    const abort = new AbortController()
    const follow = (): void => abort.abort(signal.reason)
    if (signal.aborted) follow()
    signal.addEventListener('abort', follow, { once: true })
    const result = (async () => {
      await unlessAborted(before, abort.signal)
      abort.signal.throwIfAborted()
      return await work(abort.signal)
    })()
    // Only its own caller gets the result; the others just wait for the end.
    const settled = result.then(
      () => {},
      () => {},
    )
    const ended = settled.then(() => {
      signal.removeEventListener('abort', follow)
      jobs.delete(job)
    })
    const job: Job = { app, abort, ended }
    jobs.add(job)
    return { result, ended }
  }

  return {
    queued(app, signal, work) {
      const before = last.get(app) ?? Promise.resolve()
      const { result, ended } = begin(app, signal, before, work)
      // Work that gave up waiting has ended, but the work before it may not have.
      const all = Promise.all([before, ended]).then(() => {})
      last.set(app, all)
      void all.then(() => {
        if (last.get(app) === all) last.delete(app)
      })
      return result
    },
    alongside: (app, signal, work) => begin(app, signal, Promise.resolve(), work).result,
    async cancel(app, reason) {
      const hit = [...jobs].filter((job) => app === null || job.app === app)
      for (const job of hit) job.abort.abort(reason)
      await Promise.all(hit.map((job) => job.ended))
    },
  }
}
