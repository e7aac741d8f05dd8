// Who may try a password now?
import { isIP, isIPv4 } from 'node:net'
import { DeisError } from '@deis/types'
import { createThrottle } from './throttle.ts'

/** Of one account from one address: nobody else's tries count here, so nobody can lock an owner out. */
const pairLimits = { free: 10, firstWaitSeconds: 5, maxWaitSeconds: 60 }
/** From one address, whatever the account. Many people may share it, so it never has to wait for long. */
const addressLimits = { free: 60, firstWaitSeconds: 1, maxWaitSeconds: 1 }

/**
 * What counts as one client: an IPv4 address, or the IPv6 network that one customer gets. What proxies add of ports is
 * left out; text that is no address is one client as well.
 */
export function clientOf(written: string): string {
  const [, bare = written] =
    /^\[([^\]]{1,64})\](?::\d{1,5})?$/.exec(written) ?? /^([\d.]{7,15}):\d{1,5}$/.exec(written) ?? []
  const address = bare.split('%', 1)[0]!
  if (isIP(address) === 0) return 'unknown'
  if (isIPv4(address)) return address
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  // A URL writes addresses in one form, with zeros left out in one place at most.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const left = head === '' ? [] : head.split(':')
  const right = (tail ?? '') === '' ? [] : tail!.split(':')
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length
  return `${[...left, ...Array.from({ length: zeros }, () => '0'), ...right].slice(0, 4).join(':')}::/64`
}

/** Everything that a login takes for the same account. */
const accountOf = (name: string): string => name.trim().normalize('NFKC').toLowerCase()

export type Guesses = {
  /** Counts the try. @returns what to call when it was right. @throws DeisError `throttled` when it comes too early. */
  try(address: string, account: string): () => void
}

export function createGuesses(now: () => number = Date.now): Guesses {
  const pairs = createThrottle(pairLimits, now)
  const addresses = createThrottle(addressLimits, now)
  return {
    try(address, account) {
      const client = clientOf(address)
      const pair = `${client} ${accountOf(account)}`
      const wait = addresses.attempt(client) || pairs.attempt(pair)
      if (wait > 0)
        throw new DeisError('throttled', `Too many failed logins: try again in ${wait} seconds.`, { retryAfter: wait })
      return () => {
        pairs.succeeded(pair)
        addresses.uncount(client)
      }
    },
  }
}
