// Are requests those of the original client, and is every kind of answer understood?
import { createServer as createSecureServer } from 'node:https'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { deis, homeOf, startController, temporaryFolder } from '../testbed.ts'
import { clientVersion } from './version.ts'

const empty = { count: 0, next: null, previous: null, results: [] }
const asked = 'GET /v2/apps/?limit=100'

test('a request has the headers of the original client, with or without a body', async () => {
  const controller = await startController({ [asked]: { json: empty }, 'POST /v2/apps/': { json: { id: 'x' } } })
  const home = homeOf(controller)
  await deis(['apps'], { home })
  await deis(['create', 'x', '--no-remote'], { home })
  await deis(['create', '--no-remote'], { home })
  expect(controller.headers).toHaveLength(3)
  for (const headers of controller.headers)
    expect(headers).toMatchObject({
      authorization: 'token secret-token',
      'content-type': 'application/json',
      'user-agent': `Deis Client ${clientVersion}`,
    })
  expect(controller.headers[1]).toMatchObject({ 'content-length': '10' })
})

test('the connection check shows no token', async () => {
  const controller = await startController({ 'GET /v2/': { status: 401 } })
  await deis(['login', controller.url, '--username=b', '--password=p'], { home: homeOf(controller) })
  expect(controller.headers[0]).toMatchObject({ 'user-agent': `Deis Client ${clientVersion}` })
  expect(controller.headers[0]).not.toHaveProperty('authorization')
})

test('path, user and trailing slash of the stored URL play no part', async () => {
  const controller = await startController({ [asked]: { json: empty } })
  const home = homeOf(controller, { controller: `${controller.url.replace('//', '//user:pass@')}/prefix/` })
  expect(await deis(['apps'], { home })).toMatchObject({ code: 0 })
  expect(controller.requests).toEqual([asked])
  expect(controller.headers[0]).toMatchObject({ authorization: 'token secret-token' })
})

test('a warning of the controller is printed once, without control characters', async () => {
  const headers = { 'deis-warning': `no router follows \u009b31m${'x'.repeat(5_000)}` }
  const controller = await startController({ [asked]: { json: empty, headers } })
  const { code, stdout, stderr } = await deis(['apps'], { home: homeOf(controller) })
  expect(code).toBe(0)
  expect(stdout).not.toContain('no router')
  expect(stderr).toMatch(/^ !    no router follows /)
  expect(stderr.length).toBeLessThan(1_100)
})

describe('the version of the API', () => {
  test('another one is a warning, once, and the answer is used', async () => {
    const headers = { DEIS_API_VERSION: '2.2' }
    const controller = await startController({
      'POST /v2/apps/foo/scale/': { status: 204, headers },
      'GET /v2/apps/foo/pods/?limit=100': { json: { count: 0, results: [] }, headers },
    })
    expect(await deis(['scale', 'web=0', '-a', 'foo'], { home: homeOf(controller), clock: [0, 0, 0] })).toMatchObject({
      code: 0,
      stdout: 'Scaling processes... but first, coffee!\ndone in 0s\n=== foo Processes\n',
      stderr: expect.stringMatching(
        /^!    WARNING: .*\n!    Client version: 2\.3\n!    Server version: 2\.2\n$/,
      ) as string,
    })
  })
})

test('--debug prints requests, never tokens or bodies', async () => {
  const controller = await startController({ [asked]: { json: empty } })
  const home = homeOf(controller)
  const stderr = `debug: GET ${controller.url}/v2/apps/?limit=100 200\n`
  expect(await deis(['apps', '--debug'], { home })).toMatchObject({ code: 0, stdout: '=== Apps\n', stderr })
  expect(await deis(['--debug', 'apps'], { home })).toMatchObject({ code: 0, stdout: '=== Apps\n', stderr })
})

describe('no answer', () => {
  test('there is no controller', async () => {
    const server = createServer()
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    await new Promise((closed) => server.close(closed))
    expect(await deis(['apps'], { home: homeOf({ url }) })).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `Error: Cannot reach the controller at ${url}: connection refused\nCheck that it runs and that the address is correct. \`deis login <controller>\` sets another address.\n`,
    })
  })

  test('the connection is lost', async () => {
    const server = createServer((socket) => void socket.once('data', () => socket.destroy()))
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    onTestFinished(() => void server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    expect(await deis(['apps'], { home: homeOf({ url }) })).toMatchObject({
      code: 1,
      stderr: `Error: Cannot reach the controller at ${url}: the connection was closed before the answer came\nThe controller may have done the work: check with \`deis releases\` and \`deis ps\` before you try again.\n`,
    })
  })
})

test.each([
  [{ text: '<html>hello' }, '"<html>hello"'],
  [{ json: [] }, '"[]"'],
  [{ json: { count: 1 } }, String.raw`"{\"count\":1}"`],
  [{ status: 204 }, '""'],
])('%j is not a list', async (reply, shown) => {
  const controller = await startController({ [asked]: reply })
  const { code, stdout, stderr } = await deis(['apps'], { home: homeOf(controller) })
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toContain(`Error: Unexpected answer of ${controller.url} to GET /v2/apps/: ${shown}\n`)
})

test('a redirect is reported, not followed', async () => {
  const controller = await startController({
    [asked]: { status: 301, headers: { Location: 'https://deis.example.com/v2/apps/' } },
  })
  expect(await deis(['apps'], { home: homeOf(controller) })).toMatchObject({
    code: 1,
    stderr: `Error: The controller at ${controller.url} redirects to https://deis.example.com/v2/apps/; the client does not follow redirects.\nIf the controller has moved: \`deis login https://deis.example.com\`.\n`,
  })
})

describe('https', () => {
  // Made for this test, for localhost and 127.0.0.1; it protects nothing.
  const cert = `-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUWXefJRPIz27y2GoNx86r6qLzf7AwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjAxMzY0OVoYDzIxMjYxMDI5
MDEzNjQ5WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATQWHbBr7lBRx4aRln4FnllUjTMw8n44FHAzypYv7K1WPTiCL5d4ZZT
m4qb9XrPjWWHnkIX65AKSk7dAs9geco9o28wbTAdBgNVHQ4EFgQUVqcWvw6aIp/0
iI36tvOInRuXNq8wHwYDVR0jBBgwFoAUVqcWvw6aIp/0iI36tvOInRuXNq8wDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIhAPfyVOBX3QU9Uox+fepQlh+QA24h9lpyQsYo+Y7Y4z40AiAe
sylS0JxonBwKr6S4+XHNrMqBX92rK9vxhk7jq7PNVA==
-----END CERTIFICATE-----
`
  const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgJwa/TjNHZGXslZyl
YgfzK2ho0kBH/8Xj+hyXLMNMmd2hRANCAATQWHbBr7lBRx4aRln4FnllUjTMw8n4
4FHAzypYv7K1WPTiCL5d4ZZTm4qb9XrPjWWHnkIX65AKSk7dAs9geco9
-----END PRIVATE KEY-----
`

  async function startSecure(): Promise<string> {
    const server = createSecureServer({ cert, key }, (_, response) => {
      response.writeHead(200, { DEIS_API_VERSION: '2.3' })
      response.end(JSON.stringify(empty))
    })
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  test('an untrusted certificate is refused', async () => {
    const url = await startSecure()
    const { code, stderr } = await deis(['apps'], { home: homeOf({ url }) })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^Error: The certificate of https:\S+ is not trusted: .*\n.*--ssl-verify=false\.\n$/)
  })

  test('unless the profile does not care', async () => {
    const home = homeOf({ url: await startSecure() }, { ssl_verify: false })
    expect(await deis(['apps'], { home })).toMatchObject({ code: 0, stdout: '=== Apps\n' })
  })

  test.each(['SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS'])('or %s has it', async (variable) => {
    const file = join(temporaryFolder(), 'ca.pem')
    writeFileSync(file, cert)
    const home = homeOf({ url: await startSecure() })
    expect(await deis(['apps'], { home, env: { [variable]: file } })).toMatchObject({ code: 0, stdout: '=== Apps\n' })
  })
})
