// How many passwords are hashed at once, and how many wait for that?
import { availableParallelism } from 'node:os'
import { DeisError } from '@deis/types'
import { createLimit } from '@deis/lib/limit'
import { hashPassword, verifyPassword } from '../../store/crypto.ts'

/** Each takes a thread of the pool that file access also uses, a processor for about 80 ms, and 32 MiB. */
export type PasswordLimits = { readonly running: number; readonly waiting: number }

/** Leaves a processor and two of the four threads for everything else. */
const usual: PasswordLimits = { running: Math.max(1, Math.min(2, availableParallelism() - 1)), waiting: 30 }

/** Both throw DeisError `throttled` when too many wait already. */
export type Passwords = {
  hash(password: string): Promise<string>
  verify(password: string, stored: string): Promise<boolean>
  /** The same work as `verify`, where there is no account: the time of an answer must not reveal that. */
  pretend(password: string): Promise<false>
}

export function createPasswords({ running, waiting }: PasswordLimits = usual): Passwords {
  const limit = createLimit(running, {
    waiting,
    refusal: () =>
      new DeisError('throttled', 'Too many passwords are being checked. Try again in a few seconds.', {
        retryAfter: 5,
      }),
  })
  let dummyHash: Promise<string> | undefined
  // Not cancelled when the client disconnects: the work is short and the queue is bounded.
  const queued = <T>(work: () => Promise<T>): Promise<T> => limit(new AbortController().signal, work)
  return {
    hash: (password) => queued(() => hashPassword(password)),
    verify: (password, stored) => queued(() => verifyPassword(password, stored)),
    pretend: (password) =>
      queued(async () => {
        dummyHash ??= hashPassword('not a password of any account')
        await verifyPassword(password, await dummyHash)
        return false as const
      }),
  }
}
