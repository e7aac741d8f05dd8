// What did the Kubernetes API refuse, and is it worth asking again?

/** An answer of the API server that is no success; `message` is its own. */
export class KubeError extends Error {
  readonly status: number
  /** The API's word for it: `NotFound`, `Forbidden`, `Conflict`, `Invalid` … or an empty text. */
  readonly reason: string
  /** Seconds the server asks us to wait. */
  readonly retryAfter: number | null

  constructor(status: number, reason: string, message: string, retryAfter: number | null = null) {
    super(message)
    this.name = 'KubeError'
    this.status = status
    this.reason = reason
    this.retryAfter = retryAfter
  }
}

/** Go's answer where nothing is served at a path: an API group that this cluster does not have. */
const noSuchPath = '404 page not found'

/** The API's own error object, or whatever a proxy in between says. */
export function errorOf(status: number, body: string, retryAfter: string | undefined): KubeError {
  const wait = retryAfter !== undefined && /^\d+$/.test(retryAfter) ? Number(retryAfter) : null
  try {
    const said = JSON.parse(body) as { reason?: unknown; message?: unknown }
    const reason = typeof said.reason === 'string' ? said.reason : ''
    if (typeof said.message === 'string' && said.message !== '')
      return new KubeError(status, reason, said.message, wait)
  } catch {
    // Not the API server's JSON; told as it is.
  }
  const reason = status === 404 && body.trim() === noSuchPath ? 'NoSuchPath' : ''
  return new KubeError(status, reason, `the Kubernetes API answered ${status}: ${body.slice(0, 200).trim()}`, wait)
}

export function hasStatus(error: unknown, status: number): boolean {
  return error instanceof KubeError && error.status === status
}

export const isNotFound = (error: unknown): boolean => hasStatus(error, 404)

/** The server is starting, overloaded or cut off: the same call may work in a moment. A 404 without a reason is a proxy's. */
export function isPassing(error: unknown): boolean {
  // What older servers say, as a 500, to an applied object against the schema: it will not get better.
  if (error instanceof KubeError && error.message.startsWith('failed to create typed patch')) return false
  if (error instanceof KubeError)
    return error.status === 429 || error.status >= 500 || (error.status === 404 && error.reason === '')
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? ''
  return /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|ECONNABORTED|ERR_STREAM_PREMATURE_CLOSE)$/.test(
    code,
  )
}

/** Whether the request cannot have reached the server's logic, so that even a POST may be sent again. */
export function neverHappened(error: unknown): boolean {
  if (error instanceof KubeError) return error.status === 429
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? ''
  return /^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN)$/.test(code)
}
