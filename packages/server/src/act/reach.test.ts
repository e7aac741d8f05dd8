// Is the API found behind a router, also one that sends everybody to HTTPS?
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { certificateFor } from '@deis/router/testing-tls'
import { afterEach, expect, test } from 'vitest'
import { encryptedUrl, missedBy, reach } from './reach.ts'

const host = 'deis.apps.example.com'
const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

async function listening(server: Server): Promise<number> {
  servers.push(server.listen(0, '127.0.0.1'))
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

const api: RequestListener = (_, response) => response.writeHead(401, { DEIS_API_VERSION: '2.3' }).end()
const signal = AbortSignal.timeout(30_000)

test('an answer of the API, and answers of others', async () => {
  const port = await listening(createServer(api))
  expect(await missedBy(`http://127.0.0.1:${port}/v2/`, host, signal)).toBeNull()
  const other = await listening(createServer((_, response) => response.writeHead(404).end()))
  expect(await missedBy(`http://127.0.0.1:${other}/v2/`, host, signal)).toBe(
    'status 404, which is not an answer of the API',
  )
  const down = await listening(
    createServer((_, response) => response.writeHead(503, { DEIS_API_VERSION: '2.3' }).end()),
  )
  expect(await missedBy(`http://127.0.0.1:${down}/v2/`, host, signal)).toBe('status 503, so it is not ready')
})

test('a router that sends to HTTPS is followed, on this machine', async () => {
  const { certificate, key } = certificateFor(host)
  const tlsPort = await listening(createTlsServer({ cert: certificate, key }, api))
  const location = `https://${host}:${tlsPort}/v2/`
  const port = await listening(createServer((_, response) => response.writeHead(301, { location }).end()))
  expect(await missedBy(`http://127.0.0.1:${port}/v2/`, host, signal)).toBeNull()
})

test('what it waits for is said once, when it takes longer than a moment', async () => {
  let asked = 0
  const slow: string[] = []
  const port = await listening(
    createServer((request, response) =>
      slow.length > 0 && ++asked > 2 ? api(request, response) : response.writeHead(502).end(),
    ),
  )
  const wait = { seconds: 30, slowMs: 300, slow: (missed: string) => void slow.push(missed) }
  expect(await reach(`http://127.0.0.1:${port}/v2/`, host, wait, signal)).toBeNull()
  expect(slow).toEqual(['status 502, which is not an answer of the API'])
  expect(await reach(`http://127.0.0.1:${port}/v2/`, host, wait, signal)).toBeNull()
  expect(slow).toHaveLength(1)
})

test.each([
  [{ status: 301, location: `https://${host}/v2/` }, 'https://127.0.0.1:443/v2/'],
  [{ status: 308, location: `https://${host}:8443/v2/` }, 'https://127.0.0.1:8443/v2/'],
  [{ status: 301, location: 'https://elsewhere.example.com/v2/' }, null],
  [{ status: 301, location: `http://${host}/v2/` }, null],
  [{ status: 301, location: '/v2/' }, null],
  [{ status: 200, location: `https://${host}/` }, null],
])('%j: %s', (answer, url) => {
  expect(encryptedUrl(answer, host)).toBe(url)
})
