// Which error is shown for a failed call (docs/contract/cli.md §4.7)?
import { originOf } from '../parse/address.ts'
import { installLine, isOfThisVersion, type Versions } from './skew.ts'
import { clientVersion } from './version.ts'
import { DeisError, type ErrorCode, type FieldErrors, invalidUsername, messageOf, type Route } from '@deis/types'

type Refused = { readonly status: number; readonly text: string; readonly versions?: Versions }

/** Field, message of the controller (null: any), and the text to show (null: the same). The first match wins. */
const known: readonly (readonly [field: string, message: string | null, shown: string | null])[] = [
  ['username', 'This field may not be blank.', invalidUsername],
  ['username', invalidUsername, null],
  ['username', 'A user with that username already exists.', null],
  ['password', 'This field may not be blank.', 'A password is required.'],
  ['non_field_errors', 'Unable to log in with provided credentials.', null],
  ['id', 'App name can only contain a-z (lowercase), 0-9 and hyphens', null],
  ['id', 'Application with this id already exists.', null],
  ['key', 'This field may not be blank.', 'A key is required.'],
  ['key', 'Public Key is already in use', null],
  ['public', 'This field may not be blank.', 'A key is required.'],
  ['public', 'Public Key is already in use', null],
  ['public', 'Key contains invalid base64 chars', 'A key is required: this one contains invalid base64 characters.'],
  ['certificate', 'This field may not be blank.', 'Could not load certificate'],
  ['certificate', 'Could not load certificate', 'Could not load certificate'],
  ['name', 'This field may not be blank.', 'Name can only contain a-z (lowercase), 0-9 and hyphens'],
  [
    'name',
    'Can only contain a-z (lowercase), 0-9 and hyphens',
    'Name can only contain a-z (lowercase), 0-9 and hyphens',
  ],
  ['domain', 'Hostname does not look valid.', null],
  ['domain', 'Domain is already in use by another application', null],
  ['image', 'This field may not be blank.', 'An image is required.'],
  ['id', 'This field may not be blank.', 'An id is required.'],
  ['email', 'Enter a valid email address.', null],
  ['token', null, null],
]

const codes: Record<number, ErrorCode> = {
  400: 'invalid',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  405: 'method',
  409: 'conflict',
  422: 'unprocessable',
  429: 'throttled',
  500: 'internal',
}

/** Some errors are a list of sentences. */
function listIn(text: string): string | null {
  try {
    const value: unknown = JSON.parse(text)
    const isList = Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string')
    return isList ? withLines(value.join('\n')) : null
  } catch {
    return null
  }
}

function objectIn(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null
  } catch {
    return null
  }
}

/** Controllers write line ends in details as the two characters `\n`. */
function withLines(text: string): string {
  return text.replaceAll(String.raw`\n`, '\n')
}

/** Messages by field; null: not an answer of that form. OAuth's `error` is one code. */
function fieldsIn(body: Record<string, unknown> | null): FieldErrors | null {
  if (typeof body?.['error'] === 'string') return { error: [body['error']] }
  const fields = Object.entries(body ?? {}).flatMap(([field, messages]) =>
    Array.isArray(messages) ? [[field, messages.filter((one) => typeof one === 'string')] as const] : [],
  )
  return fields.length > 0 ? Object.fromEntries(fields) : null
}

function fieldMessage(body: Record<string, unknown>): string | null {
  const fields = fieldsIn(body) ?? {}
  for (const [field, expected, shown] of known) {
    const fits = (message: string): boolean =>
      expected === null || (field === 'certificate' ? message.includes(expected) : message === expected)
    const found = fields[field]?.find(fits)
    if (found !== undefined) return shown ?? found
  }
  const lines = Object.entries(body).flatMap(([field, messages]) =>
    (Array.isArray(messages) ? messages : [messages]).map(
      (message) => `${field}: ${typeof message === 'string' ? message : JSON.stringify(message)}`,
    ),
  )
  return lines.length > 0 ? withLines(lines.join('\n')) : null
}

/** A 401 about the token, not about a password in the body. */
const aboutToken = /^(Authentication credentials were not provided|Invalid token|User inactive or deleted)/
const noPermission = 'You do not have permission to perform this action.'

function messageFor({ status, text }: Refused): string {
  const body = objectIn(text)
  const detail = typeof body?.['detail'] === 'string' && body['detail'] !== '' ? withLines(body['detail']) : null
  const unknown = `Unknown Error (${status}): ${withLines(text)}`
  switch (status) {
    case 400:
      return detail ?? (body && fieldMessage(body)) ?? listIn(text) ?? unknown
    case 401:
      return detail && !aboutToken.test(detail) ? detail : 'Unauthorized: Missing or Invalid Token'
    case 403:
      return detail && detail !== noPermission ? `${noPermission}\n${detail}` : noPermission
    case 404:
      if (text === '') return 'Not Found'
      return detail ?? text
    case 405:
      return 'Method Not Allowed'
    case 422:
      return detail ? `Unable to process your request: ${detail}` : unknown
    case 500:
      return 'Internal Server Error'
    case 502:
    case 504:
      return `Unknown Error (${status}): a proxy in front of the controller got no answer from it.`
    default:
      return detail ?? unknown
  }
}

function hintFor(status: number, message: string, controller: string): string | undefined {
  if (status === 401 && message.startsWith('Unauthorized')) return `Log in again with \`deis login ${controller}\`.`
  if (status === 502 || status === 504)
    return 'The controller may still be working: check with `deis releases` and `deis ps` before you try again.'
  return undefined
}

/**
 * A controller of another version may not have a route. A page of HTML is the original's answer to that; ours for a path that
 * it does not know may also be about a name, so it says nothing where both are of one version.
 */
function missingRoute({ status, text, versions }: Refused, route: Route, controller: string): DeisError | null {
  const product = versions?.product
  const isUnknownPath = status === 404 && (text.startsWith('<') || objectIn(text)?.['detail'] === 'Not found.')
  if (!isUnknownPath && status !== 405) return null
  if (product === undefined ? !text.startsWith('<') : isOfThisVersion(product)) return null
  const missing = `the controller does not have ${route.method} ${route.path}`
  if (product === undefined) return new DeisError('not_found', `Not Found: ${missing}`)
  return new DeisError(
    'not_found',
    `Not Found: ${missing}. It is Deis ${product}, and this client is ${clientVersion}.`,
    {
      hint: `Upgrade the platform, or install its own client: \`${installLine(originOf(controller))}\`.`,
    },
  )
}

/** The error for a status of 400 and above. */
export function refusal(answer: Refused, route: Route, controller: string): DeisError {
  const missing = missingRoute(answer, route, controller)
  if (missing) return missing
  const message = messageFor(answer)
  return new DeisError(codes[answer.status] ?? 'unavailable', message, {
    fields: answer.status === 400 ? (fieldsIn(objectIn(answer.text)) ?? undefined) : undefined,
    hint: hintFor(answer.status, message, controller),
  })
}

/** The error for a successful response that breaks the contract. */
export function unexpectedAnswer(origin: string, route: Route, text: string, cause?: unknown): DeisError {
  const start = JSON.stringify(text.slice(0, 100))
  return new DeisError('internal', `Unexpected answer of ${origin} to ${route.method} ${route.path}: ${start}`, {
    hint: 'Check that this is the controller, and not a proxy or another server.',
    cause,
  })
}

const causes: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was closed before the answer came',
  ECONNABORTED: 'no answer in time',
  ETIMEDOUT: 'no answer in time',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the host name could not be looked up',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'network unreachable',
  EPROTO: 'TLS failed; it may be an http:// address',
}
const certificateCodes = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/

/** The error for a request without a response. */
export function unreachable(error: unknown, origin: string): DeisError {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  if (certificateCodes.test(code))
    return new DeisError('unreachable', `The certificate of ${origin} is not trusted: ${messageOf(error)} (${code})`, {
      hint: 'To trust it, set SSL_CERT_FILE to a file with its authority, or log in with --ssl-verify=false.',
      cause: error,
    })
  const lost = code === 'ECONNRESET'
  return new DeisError('unreachable', `Cannot reach the controller at ${origin}: ${causes[code] ?? messageOf(error)}`, {
    hint: lost
      ? 'The controller may have done the work: check with `deis releases` and `deis ps` before you try again.'
      : 'Check that it runs and that the address is correct. `deis login <controller>` sets another address.',
    cause: error,
  })
}
