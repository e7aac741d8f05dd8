// Does an image leave a real registry as it is, and come into another one, every part of it verified?
import { createHash } from 'node:crypto'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ImageError, type Registry, type StoredImage } from '@deis/ports/registry'
import { createRegistry } from './create.ts'
import { hasDockerRegistry, pushBase, repositoryOf, startRegistry, type TestRegistry } from './testing.ts'

const never = new AbortController().signal

describe.skipIf(!hasDockerRegistry)('docker-registry', () => {
  let far: TestRegistry
  let near: TestRegistry
  let registry: Registry
  beforeAll(async () => {
    ;[far, near] = await Promise.all([startRegistry(), startRegistry()])
    registry = createRegistry({ insecure: [far.host, near.host], mirrors: {}, credentials: {} })
  })
  afterAll(() => Promise.all([far.close(), near.close()]))

  const files = { 'etc/version': { content: 'x'.repeat(300_000) } }

  /** All of it in memory, as it would be on a disk. */
  async function taken(image: string): Promise<StoredImage> {
    return registry.readStored(
      image,
      async (stored) => {
        const contents = new Map<string, Buffer>()
        for (const { digest } of stored.blobs) contents.set(digest, await buffer(stored.open(digest)))
        return { ...stored, open: (digest) => Readable.from([contents.get(digest) ?? Buffer.alloc(0)]) }
      },
      never,
    )
  }

  test.each(['oci', 'docker'] as const)('an image of the %s dialect keeps its digest', async (dialect) => {
    const { digest } = await pushBase(`${far.host}/${dialect}`, '1', {
      files,
      dialect,
      config: { ExposedPorts: { '5000/tcp': {} } },
    })
    const stored = await taken(`${far.host}/${dialect}@${digest}`)
    expect(stored).toMatchObject({ manifest: { digest }, platform: { os: 'linux' } })
    const facts = await registry.writeStored(`${near.host}/moved/${dialect}`, 'git-1', stored, never)
    expect(facts).toMatchObject({ reference: `${near.host}/moved/${dialect}@${digest}`, ports: [5000] })
    expect((await taken(facts.reference)).blobs).toEqual(stored.blobs)
    expect(await registry.tags(`${near.host}/moved/${dialect}`, never)).toEqual(new Map([['git-1', digest]]))
  })

  test('a part with other content is not stored, and neither is the image', async () => {
    const { digest } = await pushBase(`${far.host}/whole`, '1', { files: { a: { content: 'other' } } })
    const stored = await taken(`${far.host}/whole@${digest}`)
    const layer = stored.blobs.at(-1)
    const damaged = (wanted: string): Readable =>
      wanted === layer?.digest ? Readable.from([Buffer.alloc(layer.size)]) : stored.open(wanted)
    const target = `${near.host}/damaged`
    await expect(registry.writeStored(target, '1', { ...stored, open: damaged }, never)).rejects.toBeInstanceOf(
      ImageError,
    )
    expect(await registry.tags(target, never)).toEqual(new Map())
    expect(await repositoryOf(target).has(layer?.digest ?? '', never)).toBe(false)
  })

  test('a part that was damaged in the registry does not leave it as if it were whole', async () => {
    const { digest } = await pushBase(`${far.host}/rotten`, '1', { files: { b: { content: 'fine' } } })
    await registry.readStored(
      `${far.host}/rotten@${digest}`,
      async (stored) => {
        const layer = stored.blobs.at(-1)
        const [, hex = ''] = layer?.digest.split(':') ?? []
        const folder = join(far.folder, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex)
        expect(await readdir(folder)).toEqual(['data'])
        await writeFile(join(folder, 'data'), Buffer.alloc(layer?.size ?? 0, 1))
        await expect(buffer(stored.open(layer?.digest ?? ''))).rejects.toThrow('has other content')
      },
      never,
    )
  })

  test('a reader that ends early ends the request, and nothing else', async () => {
    const { digest } = await pushBase(`${far.host}/early`, '1', { files })
    await registry.readStored(
      `${far.host}/early@${digest}`,
      async (stored) => {
        const content = stored.open(stored.blobs.at(-1)?.digest ?? '')
        content.destroy()
        const [config] = stored.blobs
        const bytes = await buffer(stored.open(config?.digest ?? ''))
        expect(`sha256:${createHash('sha256').update(bytes).digest('hex')}`).toBe(config?.digest)
      },
      never,
    )
  })

  test('an image that is not there is said so before anything is read', async () => {
    const reading = registry.readStored(`${far.host}/none:1`, () => Promise.reject(new Error('never')), never)
    await expect(reading).rejects.toThrow(/none:1 not found/)
  })
})
