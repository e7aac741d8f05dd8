// Which errors are there, with which HTTP status and exit code?

/** The closed list of failures. `http` per docs/contract/api.md §1.4; `exit` per docs/contract/cli.md §1.6. */
export const errors = {
  usage: { http: 400, exit: 1 },
  invalid: { http: 400, exit: 1 },
  unauthenticated: { http: 401, exit: 1 },
  forbidden: { http: 403, exit: 1 },
  not_found: { http: 404, exit: 1 },
  method: { http: 405, exit: 1 },
  not_acceptable: { http: 406, exit: 1 },
  conflict: { http: 409, exit: 1 },
  too_large: { http: 413, exit: 1 },
  media_type: { http: 415, exit: 1 },
  unprocessable: { http: 422, exit: 1 },
  throttled: { http: 429, exit: 1 },
  internal: { http: 500, exit: 1 },
  unavailable: { http: 503, exit: 1 },
  /** The client did not reach a controller. */
  unreachable: { http: 503, exit: 1 },
} as const

export type ErrorCode = keyof typeof errors

/** Messages by field of an invalid body: `{"id": ["…", "…"]}`. */
export type FieldErrors = Record<string, string[]>

/**
 * The one error class. `message` is the wire's `detail` text.
 * - `fields`: an invalid body; the answer is the field list instead of `detail`.
 * - `bare`: the answer is `message` as a bare JSON string (404 of an object lookup).
 * - `list`: the answer is `[message]`, as for a few errors.
 * - `retryAfter`: the seconds until a retry; the header of that name.
 * - `hint`: what to do next; printed by the command line, never sent.
 */
export class DeisError extends Error {
  readonly code: ErrorCode
  readonly fields: FieldErrors | undefined
  readonly bare: boolean
  readonly list: boolean
  readonly hint: string | undefined
  readonly retryAfter: number | undefined

  constructor(
    code: ErrorCode,
    message: string,
    more: {
      fields?: FieldErrors
      bare?: boolean
      list?: boolean
      hint?: string
      retryAfter?: number
      cause?: unknown
    } = {},
  ) {
    super(message, { cause: more.cause })
    this.name = 'DeisError'
    this.code = code
    this.fields = more.fields
    this.bare = more.bare ?? false
    this.list = more.list ?? false
    this.hint = more.hint
    this.retryAfter = more.retryAfter
  }
}

/** A body that is invalid in one field: `{"id": ["msg"]}`. */
export function invalidField(field: string, ...messages: string[]): DeisError {
  return new DeisError('invalid', `${field}: ${messages.join(' ')}`, { fields: { [field]: messages } })
}

/** `"No App matches the given query."`, the bare-string 404 of an object lookup (docs/contract/api.md §1.4). */
export function notFound(
  model: 'App' | 'User' | 'Release' | 'Domain' | 'Certificate' | 'Key' | 'Build' | 'Request' | 'Drain',
): DeisError {
  return new DeisError('not_found', `No ${model} matches the given query.`, { bare: true })
}

/** The default 403 (docs/contract/api.md §1.4). */
export function forbidden(message = 'You do not have permission to perform this action.'): DeisError {
  return new DeisError('forbidden', message)
}

/** The text of anything thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
