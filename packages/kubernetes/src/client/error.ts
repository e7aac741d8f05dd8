// What did the Kubernetes API refuse, and is a retry useful?

/** A failure answered by the API server; `message` is the server's. */
export class KubeError extends Error {
  readonly status: number
  /** The API's reason: `NotFound`, `Forbidden`, `Conflict`, `Invalid` … or an empty text. */
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

/** Reads the API's error object, or the answer of a proxy in between. */
export function errorOf(status: number, body: string, retryAfter: string | undefined): KubeError {
  const wait = retryAfter !== undefined && /^\d+$/.test(retryAfter) ? Number(retryAfter) : null
  try {
    const answer = JSON.parse(body) as { reason?: unknown; message?: unknown }
    const reason = typeof answer.reason === 'string' ? answer.reason : ''
    if (typeof answer.message === 'string' && answer.message !== '')
      return new KubeError(status, reason, answer.message, wait)
  } catch {
    // Not the API server's JSON: shown as it is.
  }
  const reason = status === 404 && body.trim() === noSuchPath ? 'NoSuchPath' : ''
  return new KubeError(status, reason, `the Kubernetes API answered ${status}: ${body.slice(0, 200).trim()}`, wait)
}

export function hasStatus(error: unknown, status: number): boolean {
  return error instanceof KubeError && error.status === status
}

export const isNotFound = (error: unknown): boolean => hasStatus(error, 404)

/** Whether the same call may work in a moment: the server is starting, overloaded or unreachable. A 404 without a reason is a proxy's. */
export function isPassing(error: unknown): boolean {
  // Older servers answer this, as a 500, to an applied object that is against the schema: a retry is useless.
  if (error instanceof KubeError && error.message.startsWith('failed to create typed patch')) return false
  if (error instanceof KubeError)
    return error.status === 429 || error.status >= 500 || (error.status === 404 && error.reason === '')
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? ''
  return /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|ECONNABORTED|ERR_STREAM_PREMATURE_CLOSE)$/.test(
    code,
  )
}

/** Whether the request cannot have reached the server's logic, so that even a POST may be sent again. */
export function neverReached(error: unknown): boolean {
  if (error instanceof KubeError) return error.status === 429
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? ''
  return /^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN)$/.test(code)
}
