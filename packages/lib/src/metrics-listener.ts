// Who may read the metrics of a program, and where?
import { createHash, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { listen } from './listen.ts'

export type MetricsSettings = {
  /** 0: any free one. */
  readonly port: number
  readonly host: string
  /** Null: everyone who reaches the address. */
  readonly token: string | null
}

export type MetricsText = { readonly type: string; text(): Promise<string> }

export type MetricsListener = { readonly port: number; close(): Promise<void> }

const mostConnections = 32

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

export async function startMetrics(settings: MetricsSettings, metrics: MetricsText): Promise<MetricsListener> {
  const expected = settings.token === null ? null : hash(`Bearer ${settings.token}`)
  // Those who ask at once get one answer.
  let asked: Promise<string> | null = null
  const answer = (): Promise<string> => {
    asked ??= metrics.text().finally(() => {
      asked = null
    })
    return asked
  }
  const server = createServer((request, response) => {
    const plain = (status: number, body: string, more: Record<string, string> = {}): void => {
      response.writeHead(status, { 'content-type': 'text/plain', ...more }).end(`${body}\n`)
    }
    if (expected !== null && !timingSafeEqual(hash(request.headers.authorization ?? ''), expected))
      return plain(401, 'this needs the bearer token of the metrics', { 'www-authenticate': 'Bearer' })
    if (request.url?.split('?', 1)[0] !== '/metrics') return plain(404, 'not found')
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return plain(405, 'only GET is possible', { allow: 'GET, HEAD' })
    answer().then(
      (body) => response.writeHead(200, { 'content-type': metrics.type, 'cache-control': 'no-store' }).end(body),
      () => plain(500, 'the numbers could not be collected'),
    )
  })
  server.maxConnections = mostConnections
  const port = await listen(server, settings.port, settings.host)
  return {
    port,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
