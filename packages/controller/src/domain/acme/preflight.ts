// Does a name lead here, so that no try at the CA is wasted?
import { randomBytes } from 'node:crypto'
import { Resolver } from 'node:dns/promises'
import { request } from 'node:http'
import { isIP } from 'node:net'
import { isPublic } from '@deis/lib/public-address'
import type { AcmeSettings } from '../../config-acme.ts'
import type { Answer } from './challenges.ts'
import { AcmeProblem } from './problem.ts'

const dnsOptions = { timeout: 3_000, tries: 2 }
const probeMs = 5_000
const mostBytes = 4_096
const mostAddresses = 8

/** Top-level names that no public CA knows (RFC 6761, and those of inner networks). */
const inner = /\.(localhost|local|internal|intranet|private|corp|home|lan|test|example|invalid|onion|home\.arpa)$/

/** Why no CA gives a certificate for such a name, whoever owns it; null: it may. */
export function unusable(host: string, hasDnsHook: boolean): string | null {
  const bare = host.replace(/^\*\./, '')
  if (!bare.includes('.') || isIP(bare) !== 0 || inner.test(bare))
    return `"${host}" is not a public name, so no CA gives a certificate for it`
  if (host !== bare && !hasDnsHook)
    return `"${host}" is a wildcard, which a CA verifies in DNS only: set DEIS_ACME_DNS_HOOK, or add a certificate with deis certs:add`
  if (host.length > 200) return `"${host}" is too long for a certificate`
  return null
}

export type Found = { readonly address: string; readonly problem: string | null }

/** What has to be set where, for a name that does not lead here. */
export function advice(
  host: string,
  found: readonly Found[],
  { target, addresses }: { readonly target: string | null; readonly addresses: readonly string[] },
): string {
  const wanted = [
    ...(target !== null && target !== host ? [`a CNAME record to ${target}`] : []),
    ...(addresses.length > 0 ? [`an ${isIP(addresses[0]!) === 6 ? 'AAAA' : 'A'} record to ${addresses[0]}`] : []),
  ].join(', or ')
  const must = wanted === '' ? 'it must lead to this platform' : `it must have ${wanted}`
  if (found.length === 0) return `"${host}" has no address in DNS; ${must}`
  const wrong = found.filter(({ problem }) => problem !== null)
  const list = wrong.map(({ address, problem }) => `${address} (${problem})`).join(', ')
  return `"${host}" leads to ${list}; ${must}`
}

/** A and AAAA records. @throws AcmeProblem when the name servers do not answer */
async function addressesOf(host: string, servers: readonly string[], signal: AbortSignal): Promise<string[]> {
  const resolver = new Resolver(dnsOptions)
  if (servers.length > 0) resolver.setServers(servers)
  const cancel = (): void => resolver.cancel()
  signal.addEventListener('abort', cancel, { once: true })
  const none = (error: unknown): string[] => {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOTFOUND' || code === 'ENODATA') return []
    signal.throwIfAborted()
    throw new AcmeProblem('preflight', `the address of "${host}" cannot be looked up: ${code ?? String(error)}`)
  }
  try {
    const [four, six] = await Promise.all([resolver.resolve4(host).catch(none), resolver.resolve6(host).catch(none)])
    return [...four, ...six].slice(0, mostAddresses)
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

/** Asks the address for that name as the CA does. Null: a router of this platform answered. */
function probe(
  address: string,
  host: string,
  port: number,
  answer: Answer,
  signal: AbortSignal,
): Promise<string | null> {
  return new Promise((resolve) => {
    const asked = request({
      host: address,
      port,
      path: `/.well-known/acme-challenge/${answer.token}`,
      headers: { host: port === 80 ? host : `${host}:${port}`, connection: 'close' },
      agent: false,
      signal: AbortSignal.any([signal, AbortSignal.timeout(probeMs)]),
    })
    asked.once('error', (error: NodeJS.ErrnoException) =>
      resolve(
        `no answer on port ${port}: ${error.code === 'ABORT_ERR' ? `within ${probeMs / 1000} s` : (error.code ?? error.message)}`,
      ),
    )
    asked.once('response', (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
        if (text.length > mostBytes) asked.destroy()
      })
      response.once('error', () => resolve('its answer broke off'))
      response.once('end', () =>
        resolve(text === answer.keyAuthorization ? null : `something else answers there, with ${response.statusCode}`),
      )
    })
    asked.end()
  })
}

export function probeAnswer(): Answer {
  return { token: `deis-${randomBytes(16).toString('hex')}`, keyAuthorization: randomBytes(16).toString('hex') }
}

/**
 * Every address of the name has to be one of the platform's, or to answer as its routers do: CAs choose any of them.
 * @throws AcmeProblem `preflight`
 */
export async function checkLeadsHere(
  host: string,
  settings: Pick<AcmeSettings, 'resolvers' | 'publicAddresses' | 'httpPort'>,
  target: string | null,
  answer: Answer,
  signal: AbortSignal,
): Promise<void> {
  const { publicAddresses: own, httpPort } = settings
  const addresses = await addressesOf(host, settings.resolvers, signal)
  const found = await Promise.all(
    addresses.map(async (address): Promise<Found> => {
      if (own.includes(address)) return { address, problem: null }
      // Whoever adds a domain chooses where it leads: nothing inside is asked.
      if (!isPublic(address)) return { address, problem: 'not an address on the internet' }
      return { address, problem: await probe(address, host, httpPort, answer, signal) }
    }),
  )
  signal.throwIfAborted()
  if (found.length === 0 || found.some(({ problem }) => problem !== null))
    throw new AcmeProblem('preflight', advice(host, found, { target, addresses: own }))
}
