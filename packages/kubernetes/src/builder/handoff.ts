// How do the controller and a build's pod transfer files to each other, each exactly once?
import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { PassThrough, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

export type HandOff = {
  /** Offers content to be fetched once, by GET, until the signal aborts. */
  offer(open: () => Readable, signal: AbortSignal): { readonly url: string }
  /**
   * Accepts content to be sent once, by PUT. `body` resolves when the request comes, and must be read to its end; it fails if
   * the signal aborts, the sender stops early or sends more than allowed.
   */
  accept(
    signal: AbortSignal,
    limits: { readonly bytes: number },
  ): { readonly url: string; readonly body: Promise<Readable> }
  /** Answers the request if it is for a hand-off; returns whether it is. */
  handle(request: IncomingMessage, response: ServerResponse): boolean
}

type Pass = {
  readonly method: 'GET' | 'PUT'
  readonly serve: (request: IncomingMessage, response: ServerResponse) => Promise<void>
}

const handOffPath = '/v2/handoff/'

const tokenPattern = /^[A-Za-z0-9_-]{43}$/

// Tokens are looked up by their hash, so that the time of a look-up reveals nothing about them.
const keyOf = (token: string): string => createHash('sha256').update(token).digest('hex')

class TooLarge extends Error {}

async function* limited(source: AsyncIterable<Buffer>, bytes: number): AsyncGenerator<Buffer> {
  let size = 0
  for await (const chunk of source) {
    size += chunk.length
    if (size > bytes) throw new TooLarge(`more than ${bytes} bytes were sent`)
    yield chunk
  }
}

function answer(response: ServerResponse, status: number): void {
  if (response.headersSent || response.destroyed) return
  // The unread rest of a body would be parsed as the next request.
  response.writeHead(status, { 'content-length': 0, connection: 'close' }).end()
}

async function take(
  request: IncomingMessage,
  response: ServerResponse,
  body: PassThrough,
  bytes: number,
  signal: AbortSignal,
): Promise<void> {
  try {
    if (Number(request.headers['content-length'] ?? 0) > bytes)
      throw new TooLarge(`more than ${bytes} bytes were to be sent`)
    await pipeline(request, (source: AsyncIterable<Buffer>) => limited(source, bytes), body, { signal })
    answer(response, 204)
  } catch (error) {
    body.destroy(error as Error)
    answer(response, error instanceof TooLarge ? 413 : 500)
  }
}

/** `baseUrl`: where pods reach the server that passes its requests to `handle`. */
export function createHandOff(baseUrl: () => string): HandOff {
  const passes = new Map<string, Pass>()

  const issue = (pass: Pass, signal: AbortSignal): string => {
    signal.throwIfAborted()
    const token = randomBytes(32).toString('base64url')
    passes.set(keyOf(token), pass)
    signal.addEventListener('abort', () => passes.delete(keyOf(token)), { once: true })
    return `${baseUrl().replace(/\/$/, '')}${handOffPath}${token}`
  }

  return {
    offer(open, signal) {
      const serve: Pass['serve'] = async (_request, response) => {
        const source = open()
        response.writeHead(200, { 'content-type': 'application/octet-stream', 'cache-control': 'no-store' })
        // If the receiver goes away or the source fails, the connection is closed, so that the receiver sees the failure.
        await pipeline(source, response, { signal }).catch(() => response.destroy())
      }
      return { url: issue({ method: 'GET', serve }, signal) }
    },
    accept(signal, { bytes }) {
      let resolve: (body: Readable) => void = () => {}
      const come = new Promise<Readable>((done, reject) => {
        resolve = done
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
      })
      // If the build ends earlier, this may be awaited nowhere.
      come.catch(() => {})
      const serve: Pass['serve'] = async (request, response) => {
        const body = new PassThrough()
        // The reader gets errors; before it reads, they must not be unhandled.
        body.on('error', () => {})
        resolve(body)
        await take(request, response, body, bytes, signal)
      }
      return { url: issue({ method: 'PUT', serve }, signal), body: come }
    },
    handle(request, response) {
      const path = request.url ?? ''
      if (!path.startsWith(handOffPath)) return false
      const token = path.slice(handOffPath.length)
      const key = tokenPattern.test(token) ? keyOf(token) : ''
      const pass = passes.get(key)
      if (pass?.method !== request.method) answer(response, 404)
      else {
        passes.delete(key)
        void pass?.serve(request, response)
      }
      return true
    },
  }
}
