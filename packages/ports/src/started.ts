// How is the start of a session reported separately from its end?
import type { Session } from './scheduler.ts'
import type { SerialQueue } from '@deis/lib/serial-queue'

/** A session that runs, without its end. */
export type Started = Omit<Session, 'exited'>

/**
 * Starts `work` beside the app's other work, to be cancelled with it. Resolves when `work` has called `started`; the result
 * of `work` is the end of the session.
 */
export function beginSession(
  queue: SerialQueue,
  app: string,
  signal: AbortSignal,
  work: (signal: AbortSignal, started: (session: Started) => void) => Promise<number>,
): Promise<Session> {
  return new Promise((resolve, reject) => {
    const exited = queue.alongside(app, signal, (whole) => work(whole, (session) => resolve({ ...session, exited })))
    // A failure before the start rejects the session; a later one rejects `exited`.
    exited.catch(reject)
  })
}
