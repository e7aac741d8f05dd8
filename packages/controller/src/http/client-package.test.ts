// Which script and which files do clients install from?
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { productVersion } from '@deis/types'
import { type Fixture, openFixture } from './fixture.ts'

const sum = 'a'.repeat(64)
let folder: string
let f: Fixture
let without: Fixture

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deis-client-'))
  await writeFile(join(folder, 'SHA256SUMS'), `${sum}  deis-1.2.3.tgz\n`)
  await writeFile(join(folder, 'deis-1.2.3.tgz'), 'the package')
  f = await openFixture({ clientFolder: folder, env: { DEIS_TRUSTED_PROXIES: '127.0.0.1' } })
  without = await openFixture()
})
afterAll(async () => {
  await f.close()
  await without.close()
  await rm(folder, { recursive: true })
})

const script = (headers: Record<string, string>) => f.server.inject({ url: '/install.sh', headers })

describe('the script', () => {
  test.each([
    [{ host: 'deis.example.com' }, 'http://deis.example.com'],
    [{ host: 'Deis.Example.com:8000' }, 'http://deis.example.com:8000'],
    [{ host: '[::1]:8000' }, 'http://[::1]:8000'],
    [{ host: 'deis.example.com', 'x-forwarded-proto': 'https' }, 'https://deis.example.com'],
    [{ host: '10.0.0.1', 'x-forwarded-host': 'deis.example.com' }, 'http://deis.example.com'],
    [{ host: 'deis.example.com', 'x-forwarded-proto': "https'; id; '" }, 'http://deis.example.com'],
  ] as [Record<string, string>, string][])('asked for with %j, it installs from %s', async (headers, origin) => {
    const { statusCode, body, headers: answered } = await script(headers)
    expect({ statusCode, type: answered['content-type'] }).toEqual({
      statusCode: 200,
      type: 'text/x-shellscript; charset=utf-8',
    })
    expect(body).toContain(`\n  origin='${origin}'\n  file='deis-1.2.3.tgz'\n  sum='${sum}'\n`)
    expect(body).not.toMatch(/@[A-Z]+@/)
    expect(body.split(origin)).toHaveLength(4)
  })

  test.each([
    "a'; id; '",
    '$(id)',
    '`id`',
    'a"b',
    String.raw`a\b`,
    'a b',
    'a/b',
    'a#b',
    'ann@b',
    'a:b',
    'a:123456',
    '@SUM@',
    `${'a'.repeat(300)}.com`,
    '[::1',
    'ü.com',
  ])('is refused for the host %j, and for a proxy that names it', async (host) => {
    const all: Record<string, string>[] = [{ host }, { host: 'a.com', 'x-forwarded-host': host }]
    for (const headers of all) {
      const { statusCode, body } = await script(headers)
      expect({ statusCode, body: JSON.parse(body) as unknown }).toEqual({
        statusCode: 400,
        body: { detail: 'The Host of the request is not a host name with a port.' },
      })
    }
  })
})

test('the package and its sum', async () => {
  expect(await f.call('GET', '/client/SHA256SUMS')).toMatchObject({ status: 200, text: `${sum}  deis-1.2.3.tgz\n` })
  const { text, headers } = await f.call('GET', '/client/deis-1.2.3.tgz')
  expect(text).toBe('the package')
  expect(headers).toMatchObject({ 'content-type': 'application/gzip', 'content-length': '11' })
  for (const other of ['deis-1.2.4.tgz', '..%2FSHA256SUMS', 'SHA256SUMS%00', 'nothing'])
    expect(await f.call('GET', `/client/${other}`)).toMatchObject({ status: 404 })
})

test('every answer has the version of the client that fits', async () => {
  for (const path of ['/healthz', '/nothing', '/v2/', '/client/SHA256SUMS'])
    expect((await f.call('GET', path)).headers['deis-version']).toBe(productVersion)
})

test('a platform without a package says so', async () => {
  for (const path of ['/install.sh', '/client/SHA256SUMS', '/client/deis-1.2.3.tgz'])
    expect(await without.call('GET', path)).toMatchObject({
      status: 404,
      body: { detail: 'This platform was built without a package of the client.' },
    })
})
