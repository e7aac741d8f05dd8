// Which addresses does a host have, and are they on the public internet?
import { lookup, Resolver } from 'node:dns/promises'
import { once } from 'node:events'
import { isIP } from 'node:net'
import { isPublic } from '@deis/lib/public-address'

/** The host is not one that is fetched from; the message says why. */
export class BadHost extends Error {}

type Lookup = (name: string, signal: AbortSignal) => Promise<readonly string[]>

/** As programs of this machine resolve it. The name is the operator's: such a look-up takes a thread until it has ended. */
const asOperator: Lookup = async (name) => (await lookup(name, { all: true })).map(({ address }) => address)

/** From the name servers alone, and no longer than it is wanted: the name is a stranger's, who may have it never answered. */
export function fromServers(options = { timeout: 5_000, tries: 2 }, servers: readonly string[] = []): Lookup {
  return async (name, signal) => {
    // No server is asked for these (RFC 6761).
    if (/(^|\.)localhost$/i.test(name)) return ['127.0.0.1']
    const resolver = new Resolver(options)
    if (servers.length > 0) resolver.setServers(servers)
    const cancel = (): void => resolver.cancel()
    signal.addEventListener('abort', cancel, { once: true })
    try {
      const [four, six] = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
      const found = [four, six].flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
      if (found.length === 0 && four.status === 'rejected') throw four.reason
      return found
    } finally {
      signal.removeEventListener('abort', cancel)
    }
  }
}

/**
 * All addresses of a host. Connections must go to one of these: a moment later, the name may have another address.
 * `named`: the operator allows this host wherever it is. @throws BadHost; the signal's reason
 */
export async function addressesOf(
  host: string,
  named: boolean,
  signal: AbortSignal,
  resolve: Lookup = named ? asOperator : fromServers(),
): Promise<readonly string[]> {
  const bare = host.replace(/^\[|\]$/g, '')
  if (isIP(bare) !== 0) return check(bare, [bare], named)
  const over = new AbortController()
  try {
    signal.throwIfAborted()
    const found = await Promise.race([
      resolve(bare, signal),
      once(signal, 'abort', { signal: over.signal }).then(() => signal.throwIfAborted()),
    ])
    return check(bare, found ?? [], named)
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof BadHost) throw error
    throw new BadHost(
      `the host name "${bare}" could not be resolved (${(error as NodeJS.ErrnoException).code ?? 'no answer'})`,
      {
        cause: error,
      },
    )
  } finally {
    over.abort()
  }
}

function check(host: string, addresses: readonly string[], named: boolean): readonly string[] {
  const inside = named ? undefined : addresses.find((address) => !isPublic(address))
  if (inside !== undefined)
    throw new BadHost(
      `${host} is at ${inside}, which is not an address on the public internet: the operator can add the host to DEIS_GIT_SUBMODULES`,
    )
  if (addresses.length === 0) throw new BadHost(`the host name "${host}" has no address`)
  return addresses
}
