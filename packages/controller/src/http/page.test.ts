// Is the page served with a policy under which it can run nothing but itself?
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import Fastify from 'fastify'
import { afterAll, expect, test } from 'vitest'
import { servePage } from './page.ts'

const folder = mkdtempSync(join(tmpdir(), 'deis-page-'))
mkdirSync(join(folder, 'assets'))
writeFileSync(join(folder, 'index.html'), '<!doctype html><p>page</p>')
writeFileSync(join(folder, 'assets/main-1a.js'), 'go()')
writeFileSync(join(folder, 'secret.map'), 'x')
const server = Fastify()
servePage(server, folder)
afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true })
})

test('the page, with its policy', async () => {
  const { statusCode, headers, body } = await server.inject('/')
  expect([statusCode, headers['content-type'], body]).toEqual([
    200,
    'text/html; charset=utf-8',
    '<!doctype html><p>page</p>',
  ])
  expect(headers['content-security-policy']).toBe(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  )
  expect(headers['referrer-policy']).toBe('no-referrer')
  expect(headers['cache-control']).toBe('no-cache')
})

test('what is unchanged is not sent again; names with a hash are kept', async () => {
  const { headers } = await server.inject('/assets/main-1a.js')
  expect(headers['cache-control']).toBe('public, max-age=31536000, immutable')
  const again = await server.inject({ url: '/assets/main-1a.js', headers: { 'if-none-match': headers.etag ?? '' } })
  expect([again.statusCode, again.body]).toEqual([304, ''])
})

test.each([
  ['gzip, br', true],
  ['br', false],
  ['', false],
  ['x-gzip', false],
])('to who accepts %j it is packed: %s', async (accepted, isPacked) => {
  const { headers, rawPayload } = await server.inject({
    url: '/assets/main-1a.js',
    headers: { 'accept-encoding': accepted },
  })
  expect(headers['content-encoding']).toBe(isPacked ? 'gzip' : undefined)
  expect((isPacked ? gunzipSync(rawPayload) : rawPayload).toString()).toBe('go()')
})

test.each(['/secret.map', '/index.html', '/assets/', '/assets/..%2findex.html'])('nothing at %s', async (url) => {
  expect((await server.inject(url)).statusCode).toBe(404)
})

test('without a build there is no page', async () => {
  const bare = Fastify()
  servePage(bare, join(folder, 'nowhere'))
  expect((await bare.inject('/')).statusCode).toBe(404)
  await bare.close()
})
