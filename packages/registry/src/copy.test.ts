// Is a layer that one repository of a registry has sent once, and then given to others by the registry?
import { createServer, request } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKnown } from './copy.ts'
import { createRegistry } from './create.ts'
import { Manifest, readDocument } from './documents.ts'
import { hasDockerRegistry, pushBase, repositoryOf, startRegistry, type TestRegistry } from './testing.ts'

const never = new AbortController().signal

test('the newest are known', () => {
  const known = createKnown(2)
  const at = (name: string) => ({ host: 'r', name }) as Parameters<typeof known.add>[0]
  for (const [name, digest] of [
    ['a', '1'],
    ['b', '2'],
    ['c', '1'],
    ['d', '3'],
  ] as const)
    known.add(at(name), digest)
  expect(['1', '2', '3'].map((digest) => known.find('r', digest))).toEqual(['c', null, 'd'])
  expect(known.find('other', '1')).toBeNull()
})

describe.skipIf(!hasDockerRegistry)('docker-registry', () => {
  let far: TestRegistry
  let near: TestRegistry
  beforeAll(async () => {
    ;[far, near] = await Promise.all([startRegistry(), startRegistry()])
  })
  afterAll(() => Promise.all([far.close(), near.close()]))

  test('the base of several images comes from elsewhere once', async () => {
    const asked: string[] = []
    // Passes everything on, and remembers what was read.
    const between = createServer((incoming, outgoing) => {
      const { method = '', url = '' } = incoming
      if (method === 'GET') asked.push(url)
      const onward = request(`http://${far.host}${url}`, { method, headers: incoming.headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
        answer.pipe(outgoing)
      })
      incoming.pipe(onward)
    }).listen(0, '127.0.0.1')
    await once(between, 'listening')
    const host = `127.0.0.1:${(between.address() as AddressInfo).port}`
    try {
      const files = { 'etc/version': { content: '2' } }
      await pushBase(`${far.host}/run`, '2', { files })
      const { bytes } = await repositoryOf(`${far.host}/run`).manifest('2', never)
      const [layer] = readDocument(Manifest, bytes, 'the manifest').layers
      const { digest: wanted = '' } = layer ?? {}
      const registry = createRegistry({ insecure: [host, near.host], mirrors: {}, credentials: {} })
      for (const name of ['one', 'two', 'three']) {
        const { digest } = await pushBase(`${near.host}/${name}`, '1', { files: { app: { content: name } } })
        const image = `${near.host}/${name}@${digest}`
        const decide = () => ({ replaced: 0, labels: {} })
        await registry.changeBase({ image, base: `${host}/run:2`, credentials: null, tag: '2', decide }, never)
      }
      expect(asked.filter((url) => url.endsWith(`/blobs/${wanted}`))).toHaveLength(1)
      expect(await repositoryOf(`${near.host}/three`).has(wanted, never)).toBe(true)
    } finally {
      between.closeAllConnections()
      between.close()
    }
  })
})
