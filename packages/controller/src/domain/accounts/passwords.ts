// How many passwords are hashed at once, and how many wait for that?
import { availableParallelism } from 'node:os'
import { DeisError } from '@deis/types'
import { createLimit } from '@deis/machine/limit'
import { hashPassword, verifyPassword } from '../../store/crypto.ts'

/** Each takes a thread that files and names are looked up with as well, a processor for about 80 ms, and 32 MiB. */
export type PasswordLimits = { readonly running: number; readonly waiting: number }

/** A processor is left for everything else, and two of the four threads. */
const usual: PasswordLimits = { running: Math.max(1, Math.min(2, availableParallelism() - 1)), waiting: 30 }

/** Both throw DeisError `throttled` when too many wait already. */
export type Passwords = {
  hash(password: string): Promise<string>
  verify(password: string, stored: string): Promise<boolean>
  /** The same work as `verify`, where there is no account: answers must not tell that by their time. */
  pretend(password: string): Promise<false>
}

export function createPasswords({ running, waiting }: PasswordLimits = usual): Passwords {
  const limit = createLimit(running, {
    waiting,
    refusal: () =>
      new DeisError('throttled', 'Too many passwords are being checked: try again in a few seconds.', {
        retryAfter: 5,
      }),
  })
  let nobodys: Promise<string> | undefined
  // Whoever goes away leaves work of a moment, in a line that has an end.
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => limit(new AbortController().signal, work)
  return {
    hash: (password) => inTurn(() => hashPassword(password)),
    verify: (password, stored) => inTurn(() => verifyPassword(password, stored)),
    pretend: (password) =>
      inTurn(async () => {
        nobodys ??= hashPassword('nobody has this password')
        await verifyPassword(password, await nobodys)
        return false as const
      }),
  }
}
