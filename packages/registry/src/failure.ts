// What did a registry refuse, is a retry useful, and which message does the user get?
import { AddressRefused } from './address.ts'
import { ImageError } from '@deis/ports/registry'

/** An answer that reports a failure. */
export class RegistryFailure extends Error {
  readonly status: number
  /** The registry's code: `MANIFEST_UNKNOWN`, `DENIED` …, or empty. */
  readonly code: string
  readonly host: string
  /** Seconds the registry asks us to wait. */
  readonly retryAfter: number | null

  constructor(status: number, code: string, host: string, message: string, retryAfter: number | null = null) {
    super(message)
    this.name = 'RegistryFailure'
    this.status = status
    this.code = code
    this.host = host
    this.retryAfter = retryAfter
  }
}

/** Content that does not match its digest, or is incomplete. */
export class BadContent extends Error {}

const longestWait = 10

const network =
  /^(ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|ERR_STREAM_PREMATURE_CLOSE)$/

/** `also`: codes of registries that pass for this request. */
export function isPassing(error: unknown, also: readonly string[] = []): boolean {
  if (error instanceof RegistryFailure) {
    const { status, code, retryAfter } = error
    // A registry that was restarted has lost the uploads in progress.
    const again = code.startsWith('BLOB_UPLOAD_') || also.includes(code)
    return again || status >= 500 || status === 408 || (status === 429 && (retryAfter ?? 0) <= longestWait)
  }
  return network.test((error as NodeJS.ErrnoException | undefined)?.code ?? '')
}

/** One short line of a text from a server that is not trusted. */
const oneLine = (text: string): string =>
  text
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, 200)

/** Reads the registry's error object; any other body is not shown. */
export function failureOf(host: string, status: number, body: string, retryAfter: string | undefined): RegistryFailure {
  const wait = retryAfter !== undefined && /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) : null
  if (status === 400 && body.includes('HTTP request to an HTTPS server'))
    return new RegistryFailure(status, 'HTTPS', host, 'it requires HTTPS')
  try {
    const answer = JSON.parse(body) as { errors?: { code?: unknown; message?: unknown }[] }
    const first = answer.errors?.[0]
    const message = typeof first?.message === 'string' ? oneLine(first.message) : ''
    if (typeof first?.code === 'string') return new RegistryFailure(status, oneLine(first.code), host, message, wait)
  } catch {
    // A proxy's page, or a server that is not a registry.
  }
  return new RegistryFailure(status, '', host, `the answer was ${status}`, wait)
}

/** What failed. Reading is explained to the user of the image, the rest to the operator of the registry. */
export type Subject = {
  readonly image: string
  readonly host: string
  readonly action: 'read' | 'push' | 'delete'
  /** Whether credentials were sent. */
  readonly known: boolean
}

function refusal(error: RegistryFailure, { image, action, known }: Subject): [message: string, hint: string] {
  const { status, code, message, host } = error
  const own = action !== 'read'
  const reason = `${code} ${message}`.trim()
  if (code === 'HTTPS')
    return [`${host} requires HTTPS and was sent plain HTTP`, `remove ${host} from DEIS_REGISTRY_INSECURE`]
  if (status === 401 || status === 403) {
    const hint = own
      ? 'check DEIS_REGISTRY_USERNAME and DEIS_REGISTRY_PASSWORD, and what that user may do'
      : 'check the name; for a private image: deis registry:set username=USER password=PASSWORD'
    const what = known
      ? `${host} refuses the credentials it was given for ${image} (${reason})`
      : `${image} does not exist or is private: ${host} asks for credentials (${reason})`
    // Scripts look for Deis' own text (docs/contract/api.md §1).
    return [own ? what : `Permission Denied attempting to pull image ${image}: ${what}`, hint]
  }
  if (status === 429)
    return [
      `${host} has had too many requests from here (${reason})`,
      own
        ? 'try again later'
        : 'try again later; with an account the limit is higher: deis registry:set username=USER password=PASSWORD',
    ]
  if (status === 404)
    return [
      code === 'NAME_UNKNOWN'
        ? `image ${image} not found: ${host} has no such repository`
        : `image ${image} not found on ${host}`,
      'check the name and the tag',
    ]
  if (status >= 500) return [`${host} fails: ${reason}`, 'try again later']
  return [
    `${host} does not ${action} ${image}: ${reason}`,
    code === '' ? `check that ${host} is an image registry` : 'see the registry’s own documentation for this answer',
  ]
}

/** Errors of node's resolver, TLS and HTTP parser. Others, such as a full disk, are not the registry's fault. */
const ofConnection = /^(ENOTFOUND|EPROTO|ERR_NOT_SECURE|ERR_SSL_.*|HPE_.*|ERR_HTTP.*)$/
const certificate = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|^ERR_TLS/

function unreachable(error: NodeJS.ErrnoException, host: string): [message: string, hint: string] {
  const { code = '', message } = error
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || (code === 'EPROTO' && /wrong version number/i.test(message)))
    return [`${host} does not speak HTTPS`, `for a registry in plain HTTP, list ${host} in DEIS_REGISTRY_INSECURE`]
  if (code === 'ERR_NOT_SECURE')
    return [
      `${host} redirects from HTTPS to something else: ${message}`,
      `check how ${host} is set up behind its proxy`,
    ]
  if (certificate.test(code))
    return [
      `the certificate of ${host} cannot be trusted: ${oneLine(message)}`,
      'name the authority’s certificate in NODE_EXTRA_CA_CERTS of the controller',
    ]
  return [
    `cannot reach the registry ${host}: ${oneLine(message) || code}`,
    'check the host in the name of the image, and that the controller can reach it',
  ]
}

/** Turns every failure into an ImageError, except the signal's reason and programming errors. */
export function explain(error: unknown, subject: Subject, signal: AbortSignal): Error {
  if (signal.aborted) return signal.reason as Error
  if (error instanceof ImageError || !(error instanceof Error)) return error as Error
  const cause = { cause: error }
  if (error instanceof RegistryFailure) return new ImageError(...refusal(error, subject), cause)
  if (error instanceof BadContent)
    return new ImageError(`${subject.image} is damaged: ${error.message}`, 'push the image again', cause)
  if (error instanceof AddressRefused)
    return new ImageError(
      `the platform does not connect to ${subject.host}: ${error.message}`,
      `if it is a registry, list ${subject.host} in DEIS_REGISTRY_INSECURE`,
      cause,
    )
  const { code = '' } = error as NodeJS.ErrnoException
  if ([network, ofConnection, certificate].some((codes) => codes.test(code)))
    return new ImageError(...unreachable(error, subject.host), cause)
  return error
}
