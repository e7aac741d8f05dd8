// How does the beginning of a session come apart from its end?
import type { Session } from './scheduler.ts'
import type { SerialQueue } from '@deis/lib/serial-queue'

/** A session that runs, but for its end. */
export type Started = Omit<Session, 'exited'>

/**
 * Does `work` beside what else goes on for the app and cancelled with it, and resolves when it has called `started`; what
 * `work` comes to is the end of the session.
 */
export function beginSession(
  queue: SerialQueue,
  app: string,
  signal: AbortSignal,
  work: (signal: AbortSignal, started: (session: Started) => void) => Promise<number>,
): Promise<Session> {
  return new Promise((resolve, reject) => {
    const exited = queue.alongside(app, signal, (whole) => work(whole, (session) => resolve({ ...session, exited })))
    // Before it has started, this is the answer; afterwards, whoever opened it hears of it by `exited`.
    exited.catch(reject)
  })
}
