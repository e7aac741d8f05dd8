// Why was a certificate not given, in words that help whoever has to mend it?
import type { IncomingHttpHeaders } from 'node:http'

/** What kept a name from getting its certificate. */
export class AcmeProblem extends Error {
  /** As in RFC 8555 without its prefix, or `preflight`, `unreachable`, `internal`. */
  readonly type: string
  readonly retryAfterMs: number | null

  constructor(type: string, message: string, retryAfterMs: number | null = null, options?: ErrorOptions) {
    super(message, options)
    this.type = type
    this.retryAfterMs = retryAfterMs
  }
}

const prefix = 'urn:ietf:params:acme:error:'
const longestDetail = 500

/** Seconds or a date; null: neither. */
export function retryAfterOf(header: string | undefined, now = Date.now()): number | null {
  if (header === undefined) return null
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1000
  const at = Date.parse(header)
  return Number.isNaN(at) ? null : Math.max(0, at - now)
}

const clean = (text: string): string =>
  text
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, longestDetail)

type Document = { readonly type?: unknown; readonly detail?: unknown; readonly subproblems?: unknown }

/** What a CA says of an error: `detail`, and of which name where it names several. */
export function detailOf(document: unknown): { type: string; detail: string } {
  const { type, detail, subproblems } = (typeof document === 'object' && document !== null ? document : {}) as Document
  const inner = Array.isArray(subproblems)
    ? (subproblems as unknown[]).map(detailOf).find((one) => one.detail !== '')
    : undefined
  const words = typeof detail === 'string' ? clean(detail) : ''
  const kind = typeof type === 'string' ? clean(type).replace(prefix, '') : 'unknown'
  if (inner === undefined) return { type: kind, detail: words }
  return {
    type: kind === 'compound' ? inner.type : kind,
    detail: words === '' ? inner.detail : `${words}: ${inner.detail}`,
  }
}

/** Let's Encrypt also says it in words; proxies drop headers. */
function laterIn(detail: string, now: number): number | null {
  const [, date, hour] = /retry after (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC/.exec(detail) ?? []
  return date === undefined ? null : retryAfterOf(`${date}T${hour}Z`, now)
}

/** An answer of the CA that is an error. */
export function problemOf(
  status: number,
  headers: IncomingHttpHeaders,
  document: unknown,
  now = Date.now(),
): AcmeProblem {
  const { type, detail } = detailOf(document)
  const kind = type === 'unknown' && status === 429 ? 'rateLimited' : type
  const after = retryAfterOf(headers['retry-after'], now) ?? laterIn(detail, now)
  return new AcmeProblem(kind, detail === '' ? `the CA answered ${status}` : detail, after)
}

const hints: Readonly<Record<string, string>> = {
  unauthorized: 'the CA reached something else under this name; does it lead here, and nowhere else?',
  connection: 'the CA cannot connect to this name on port 80; is the port open in the firewall, to everywhere?',
  dns: 'the CA found no address for this name',
  caa: 'a CAA record of the domain does not allow this CA',
  rateLimited: 'a limit of the CA is reached; it says when it can be tried again',
  rejectedIdentifier: 'the CA gives no certificates for this name',
  externalAccountRequired: 'this CA needs DEIS_ACME_EAB_KID and DEIS_ACME_EAB_HMAC_KEY',
  unreachable: 'the CA cannot be reached from here (DEIS_ACME_DIRECTORY)',
}

/** `detail (hint)` */
export function inWords(type: string, detail: string): string {
  const hint = hints[type]
  return hint === undefined ? detail : `${detail} (${hint})`
}
