// Which account does the platform's own registry get?
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRegistry } from '@deis/registry/create'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ownCredentials, ownHost, withOwnAccount } from './registry.ts'

const asked: (string | undefined)[] = []
const server = createServer((request, response) => {
  asked.push(request.headers.authorization)
  response.writeHead(request.headers.authorization ? 404 : 401, { 'www-authenticate': 'Basic realm="x"' }).end()
})
let port = 0
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
})
afterAll(() => void server.close())

test('its own, not the one that an app has for registries without naming one', async () => {
  const host = ownHost(port)
  const credentials = ownCredentials(port, 'secret')
  const registry = createRegistry({ insecure: [host], mirrors: {}, credentials })
  const digest = `sha256:${'a'.repeat(64)}`
  const theirs = { username: 'bob', password: 'of-the-app' }
  const looking = withOwnAccount(registry, host).inspect(`${host}/tea@${digest}`, theirs, AbortSignal.timeout(20_000))
  await expect(looking).rejects.toThrow()
  const { username, password } = credentials[host]!
  const expected = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
  expect([...new Set(asked)].filter((one) => one !== undefined)).toEqual([expected])
})
