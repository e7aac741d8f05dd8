// How many passwords are hashed at once, and how many wait for that?
import { availableParallelism } from 'node:os'
import { DeisError } from '@deis/types'
import { hashPassword, verifyPassword } from '../store/crypto.ts'

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
  const line: (() => void)[] = []
  let busy = 0
  let nobodys: Promise<string> | undefined
  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    if (busy >= running) {
      if (line.length >= waiting)
        throw new DeisError('throttled', 'Too many passwords are being checked: try again in a few seconds.', {
          retryAfter: 5,
        })
      // Whoever ends hands its place on, so that nobody comes in between.
      await new Promise<void>((resolve) => line.push(resolve))
    } else busy++
    try {
      return await work()
    } finally {
      const next = line.shift()
      if (next) next()
      else busy--
    }
  }
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
