// What does the router itself answer when no app does?
import { STATUS_CODES } from 'node:http'

export type Page = {
  readonly status: number
  readonly message: string
  /** Names and values of headers in turn. */
  readonly pairs: readonly string[]
  readonly body: string
}

const texts: Readonly<Record<number, string>> = {
  403: 'Access to this app is not allowed from this address.',
  404: 'There is no app with this name. Check the address and the domains of the app.',
  408: 'The rest of the request did not arrive.',
  502: 'The app could not be reached, or ended before it answered.',
  503: 'The app has no running process at the moment.',
  504: 'The app took too long to answer.',
}

/** Fixed texts only: nothing that a client sent is shown to another. `reason` is one of ours. */
export function page(status: number, reason?: string): Page {
  const message = STATUS_CODES[status] ?? 'Error'
  const text = reason === undefined ? (texts[status] ?? message) : `The request is not valid: ${reason}.`
  const title = `${status} ${message}`
  const body = `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>${title}</title></head>\n<body><h1>${title}</h1><p>${text}</p></body></html>\n`
  return made(status, message, 'text/html; charset=utf-8', body, status === 503 ? ['Retry-After', '1'] : [])
}

/** Seconds; an earlier retry would get the same page. */
const maintenanceRetry = '60'

/** Fixed as in the original, since monitors look for it (docs/contract/build-and-route.md §4.4). */
export const maintenance: Page = made(
  503,
  'Service Unavailable',
  'text/html; charset=utf-8',
  '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Site Maintenance</title></head>\n<body><h1>Site Maintenance</h1><p>The app is being worked on. Please come back later.</p></body></html>\n',
  ['Retry-After', maintenanceRetry],
)

/** Not cached by clients, so that it can be changed. 308: with the same method and body. */
export function redirect(status: 301 | 308, location: string): Page {
  return made(status, STATUS_CODES[status]!, 'text/plain; charset=utf-8', '', ['Location', location])
}

function made(status: number, message: string, type: string, body: string, more: string[]): Page {
  const length = String(Buffer.byteLength(body))
  const pairs = ['Content-Type', type, 'Content-Length', length, 'Cache-Control', 'no-store', ...more]
  return { status, message, pairs, body }
}

/** What a CA reads when it verifies a name. */
export function challenge(content: string): Page {
  return made(200, 'OK', 'application/octet-stream', content, [])
}

const healthy: Page = made(200, 'OK', 'text/plain; charset=utf-8', 'OK\n', [])

/** For names that no app has: apps keep their own `/healthz` (docs/contract/build-and-route.md §4.4). */
export function unknownHost(method: string, target: string): Page {
  const path = target.split('?', 1)[0]
  const asked = path === '/healthz' || path === '/healthz/'
  return asked && (method === 'GET' || method === 'HEAD') ? healthy : page(404)
}
