// Which URL may a drain have, what is shown of it, and to which address may the controller connect for it?
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { invalidField } from '@deis/types'
import { anyOf } from '@deis/lib/networks'
import { isPublic } from '@deis/lib/public-address'
import { orAborted } from '@deis/lib/wait'

/** A drain may not go there. */
export class Inside extends Error {}

export type Target = {
  readonly kind: 'syslog' | 'syslog+tls' | 'https'
  readonly host: string
  readonly port: number
  /** HTTPS only: path and query, and what Basic authentication sends. */
  readonly path: string
  readonly authorization: string | null
}

const ports = { 'syslog:': 514, 'syslog+tls:': 6514, 'https:': 443 } as const

const bare = (hostname: string): string => hostname.replace(/^\[|\]$/g, '')

/** What is not encoded well stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** @throws DeisError invalid */
export function readTarget(text: string): Target {
  const trimmed = text.trim()
  const url = URL.canParse(trimmed) ? new URL(trimmed) : null
  const usual = url ? ports[url.protocol as keyof typeof ports] : undefined
  if (!url || usual === undefined || url.hostname === '' || url.port === '0')
    throw invalidField('url', 'A drain is syslog+tls://host:port, syslog://host:port or https://host/path.')
  const kind = url.protocol.slice(0, -1) as Target['kind']
  const user = [url.username, url.password].map(decoded).join(':')
  if (kind !== 'https' && (!/^\/?$/.test(url.pathname) || url.search !== '' || user !== ':'))
    throw invalidField('url', 'A syslog drain is only a host and a port.')
  return {
    kind,
    host: bare(url.hostname),
    port: Number(url.port) || usual,
    path: `${url.pathname}${url.search}`,
    authorization: user === ':' ? null : `Basic ${Buffer.from(user).toString('base64')}`,
  }
}

/** Services put keys into any other part. */
export function masked({ kind, host, port, path, authorization }: Target): string {
  const at = isIP(host) === 6 ? `[${host}]` : host
  return `${kind}://${authorization === null ? '' : '***@'}${at}:${port}${path === '/' || path === '' ? '' : '/***'}`
}

/**
 * The address to connect to, checked each time, since a name may get another one later.
 * `allowed`: networks of the operator. @throws Error whose message is for the user, or the signal's reason
 */
export async function addressFor(host: string, allowed: readonly string[], signal: AbortSignal): Promise<string> {
  signal.throwIfAborted()
  const isAllowed = anyOf(allowed)
  const found =
    isIP(host) === 0 ? (await orAborted(lookup(host, { all: true }), signal)).map(({ address }) => address) : [host]
  const good = found.find((address) => isAllowed(address) || isPublic(address))
  if (good !== undefined) return good
  throw new Inside(
    `"${host}" is not a public address (${found.join(', ')}); the operator can allow its network with DEIS_DRAIN_NETWORKS`,
  )
}
