// May this client try a password now?
import { isIP, isIPv4 } from 'node:net'
import { DeisError } from '@deis/types'
import { createThrottle } from './throttle.ts'
import { createTurns } from './turns.ts'

/** Of one account from one address: tries from elsewhere do not count here, so they cannot lock an owner out. */
const pairLimits = { free: 10, firstWaitSeconds: 5, maxWaitSeconds: 60 }
/** From one address, whatever the account. Many people may share it, so the wait is short. */
const addressLimits = { free: 60, firstWaitSeconds: 1, maxWaitSeconds: 1 }

/**
 * What counts as one client: an IPv4 address, or the IPv6 network that one customer gets. What proxies add of ports is
 * left out; text that is not an address is one client as well.
 */
export function clientOf(written: string): string {
  const [, bare = written] =
    /^\[([^\]]{1,64})\](?::\d{1,5})?$/.exec(written) ?? /^([\d.]{7,15}):\d{1,5}$/.exec(written) ?? []
  const address = bare.split('%', 1)[0]!
  if (isIP(address) === 0) return 'unknown'
  if (isIPv4(address)) return address
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  // A URL writes addresses in one form, with zeros left out once at most.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const left = head === '' ? [] : head.split(':')
  const right = (tail ?? '') === '' ? [] : tail!.split(':')
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length
  return `${[...left, ...Array.from({ length: zeros }, () => '0'), ...right].slice(0, 4).join(':')}::/64`
}

/** The same for all spellings that a login accepts for one account. */
const accountOf = (name: string): string => name.trim().normalize('NFKC').toLowerCase()

export type Guesses = {
  /**
   * Counts the try before anything else. `isKnown`: whether the account logged in from this client before; asked only when it
   * matters. @returns what to call when the password was right. @throws DeisError `throttled` when the try comes too early
   */
  try(client: string, account: string, isKnown: () => Promise<boolean>): Promise<() => void>
}

export function createGuesses(now: () => number = Date.now): Guesses {
  const pairs = createThrottle(pairLimits, now)
  const addresses = createThrottle(addressLimits, now)
  // Of one account from any address: clients from which it never logged in take turns.
  const unknown = createTurns(now)
  const tooEarly = (wait: number): DeisError =>
    new DeisError('throttled', `Too many failed logins. Try again in ${wait} s.`, { retryAfter: wait })
  return {
    async try(client, account, isKnown) {
      const name = accountOf(account)
      const pair = `${client} ${name}`
      const wait = addresses.attempt(client) || pairs.attempt(pair)
      if (wait > 0) throw tooEarly(wait)
      const isFree = unknown.isEarly(name, client) && (await isKnown())
      const turn = isFree ? 0 : unknown.take(name, client)
      if (turn > 0) {
        // No password was tried, so a client that asks too early does not lose its turn.
        pairs.uncount(pair)
        throw tooEarly(turn)
      }
      return () => {
        pairs.succeeded(pair)
        addresses.uncount(client)
        if (!isFree) unknown.uncount(name)
      }
    },
  }
}
