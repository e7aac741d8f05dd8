// How are requests to a registry retried?
import { setTimeout as sleep } from 'node:timers/promises'
import { isPassing, RegistryFailure } from './failure.ts'

const firstDelayMs = 200
const lastDelayMs = 5_000

/** Retries passing failures, also those with these codes, with delays that grow by four. @throws the last failure, or the signal's reason. */
export async function retry<T>(
  work: () => Promise<T>,
  signal: AbortSignal,
  tries: number,
  passing: readonly string[] = [],
): Promise<T> {
  for (let attempt = 1, delay = firstDelayMs; ; attempt++, delay = Math.min(delay * 4, lastDelayMs)) {
    try {
      return await work()
    } catch (error) {
      signal.throwIfAborted()
      if (attempt >= tries || !isPassing(error, passing)) throw error
      const asked = error instanceof RegistryFailure ? (error.retryAfter ?? 0) * 1000 : 0
      await sleep(Math.max(asked, delay * (0.5 + Math.random())), undefined, { signal })
    }
  }
}
