// Does a real registry take and give what we write and read?
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createRegistry } from './create.ts'
import { type ImageConfig, Manifest, mediaTypes, readDocument } from './documents.ts'
import {
  type BaseChange,
  type ImageFacts,
  ImageError,
  type ImageParts,
  type LayerChange,
  type Registry,
} from '@deis/ports/registry'
import { blobOf } from './repository.ts'
import {
  hasDockerRegistry,
  imageOf,
  pushBase,
  repositoryOf,
  startRegistry,
  tarOf,
  type TestRegistry,
  testUser,
  webImage,
} from './testing.ts'

const never = new AbortController().signal

describe.skipIf(!hasDockerRegistry)('docker-registry', () => {
  let open: TestRegistry
  let locked: TestRegistry
  let registry: Registry
  let credentials: { credentials: Record<string, typeof testUser> }
  beforeAll(async () => {
    ;[open, locked] = await Promise.all([startRegistry(), startRegistry({ auth: 'basic' })])
    credentials = { credentials: { [locked.host]: testUser } }
    registry = createRegistry({ insecure: [open.host, locked.host], mirrors: {}, ...credentials })
    await pushBase(`${open.host}/busybox`, '1', { files: { 'bin/busybox': { content: '#!', mode: 0o755 } } })
  })
  afterAll(() => Promise.all([open.close(), locked.close()]))

  const change = (options: Partial<LayerChange>): LayerChange => ({
    base: `${open.host}/busybox:1`,
    target: `${open.host}/app`,
    tag: 'v1',
    layer: Readable.from([tarOf({ 'app/web.js': { content: 'serve()' } })]),
    entrypoint: ['/runner/init'],
    cmd: ['web'],
    workingDir: '/app',
    user: '1000',
    env: { HOME: '/app' },
    labels: { 'org.opencontainers.image.revision': 'abc' },
    exposed: [5000],
    ...options,
  })

  /** As a node would have it: each layer unpacked, checked against the config. */
  const contentOf = async ({ reference, digest }: ImageFacts) => {
    const repository = repositoryOf(reference.slice(0, reference.indexOf('@')), credentials)
    const found = await repository.manifest(digest, never)
    const manifest = readDocument(Manifest, found.bytes, 'the manifest')
    const blob = (one: Manifest['config']): Promise<Buffer> => repository.blob(one, 2 ** 24, never)
    const config = JSON.parse((await blob(manifest.config)).toString()) as ImageConfig
    const tars = (await Promise.all(manifest.layers.map(blob))).map((layer) => gunzipSync(layer))
    expect(tars.map((tar) => blobOf(tar).digest)).toEqual(config.rootfs.diff_ids)
    return { manifest, config, tars, mediaType: found.mediaType }
  }

  test.each(['oci', 'docker'] as const)('an image of the %s dialect says what it is', async (dialect) => {
    const name = `${open.host}/facts/${dialect}`
    const { digest } = await pushBase(name, 'x', {
      dialect,
      config: {
        ExposedPorts: { '9000/tcp': {}, '80/tcp': {}, '53/udp': {} },
        Cmd: ['serve'],
        User: 'app',
        Labels: null,
      },
    })
    const facts = {
      reference: `${name}@${digest}`,
      digest,
      ports: [80, 9000],
      entrypoint: [],
      cmd: ['serve'],
      user: 'app',
      env: [],
      workingDir: '',
      labels: {},
    }
    expect(await registry.inspect(`${name}:x`, null, never)).toEqual(facts)
    expect(await registry.inspect(`${name}@${digest}`, null, never)).toEqual(facts)
  })

  test('of several variants ours is looked at, and all are named', async () => {
    const name = `${open.host}/variants`
    const [arm, intel] = await Promise.all([
      pushBase(name, 'arm', { architecture: 'arm64', config: { User: 'arm' } }),
      pushBase(name, 'intel', { architecture: 'amd64', config: { User: 'intel' } }),
    ])
    const variant = (one: typeof arm, architecture: string) => ({ ...one, platform: { os: 'linux', architecture } })
    const index = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: mediaTypes.ociIndex,
        manifests: [variant(arm, 'arm64'), variant(intel, 'amd64')],
      }),
    )
    const digest = await repositoryOf(name).putManifest('1', mediaTypes.ociIndex, index, never)
    for (const [architecture, user] of [
      ['x64', 'intel'],
      ['arm64', 'arm'],
    ] as const) {
      const settings = { insecure: [open.host], mirrors: {}, credentials: {} }
      const theirs = createRegistry(settings, { architecture })
      expect(await theirs.inspect(`${name}:1`, null, never)).toMatchObject({ reference: `${name}@${digest}`, user })
      const layered = await theirs.appendLayer(change({ base: `${name}:1`, tag: architecture, user: null }), never)
      expect(layered.user).toBe(user)
    }
    const neither = createRegistry({ insecure: [open.host], mirrors: {}, credentials: {} }, { architecture: 's390x' })
    await expect(neither.inspect(`${name}:1`, null, never)).rejects.toThrow(
      'has no variant for linux/s390x, only for linux/arm64, linux/amd64',
    )
  })

  test('a layer is put on an image of the same registry', async () => {
    const base = await registry.inspect(`${open.host}/busybox:1`, null, never)
    const facts = await registry.appendLayer(change({}), never)
    expect(facts).toEqual({
      reference: `${open.host}/app@${facts.digest}`,
      digest: facts.digest,
      ports: [5000],
      entrypoint: ['/runner/init'],
      cmd: ['web'],
      user: '1000',
      env: [...base.env, 'HOME=/app'],
      workingDir: '/app',
      labels: { 'org.opencontainers.image.revision': 'abc' },
    })
    expect(await registry.inspect(`${open.host}/app:v1`, null, never)).toEqual(facts)
    const { config, tars, manifest } = await contentOf(facts)
    expect(tars).toHaveLength(2)
    expect(tars[0]?.toString()).toContain('bin/busybox')
    expect(tars[1]).toEqual(tarOf({ 'app/web.js': { content: 'serve()' } }))
    expect(config.config).toMatchObject({ WorkingDir: '/app', Env: ['HOME=/app'] })
    expect(manifest.layers.every(({ mediaType }) => mediaType === mediaTypes.ociLayer)).toBe(true)
  })

  test('the same layer makes the same image, another one another', async () => {
    const first = await registry.appendLayer(change({ tag: 'a' }), never)
    expect((await registry.appendLayer(change({ tag: 'b' }), never)).digest).toBe(first.digest)
    const other = Readable.from([tarOf({ 'app/web.js': { content: 'other()' } })])
    expect((await registry.appendLayer(change({ tag: 'c', layer: other }), never)).digest).not.toBe(first.digest)
    const tags = await registry.tags(`${open.host}/app`, never)
    expect(tags.get('a')).toBe(first.digest)
    expect(tags.get('b')).toBe(first.digest)
    expect(tags.get('c')).not.toBe(first.digest)
  })

  test('layers of a base elsewhere are copied, in the base’s dialect', async () => {
    await pushBase(
      `${locked.host}/private/base`,
      '1',
      { dialect: 'docker', files: { x: { content: 'y' } } },
      credentials,
    )
    const facts = await registry.appendLayer(
      change({ base: `${locked.host}/private/base:1`, target: `${open.host}/from-elsewhere` }),
      never,
    )
    const { tars, manifest, mediaType } = await contentOf(facts)
    expect(tars[0]).toEqual(tarOf({ x: { content: 'y' } }))
    expect(mediaType).toBe(mediaTypes.dockerManifest)
    expect(manifest.layers[1]?.mediaType).toBe(mediaTypes.dockerLayer)
    expect(manifest.config.mediaType).toBe(mediaTypes.dockerConfig)
  })

  test('a registry with a password is written with the operator’s, and read with anyone’s', async () => {
    const { reference, digest } = await registry.appendLayer(change({ target: `${locked.host}/team/app` }), never)
    const stranger = createRegistry({ insecure: [locked.host], mirrors: {}, credentials: {} })
    expect((await stranger.inspect(reference, testUser, never)).digest).toBe(digest)
    const wrong = { ...testUser, password: 'milk' }
    await expect(stranger.inspect(reference, wrong, never)).rejects.toThrow('refuses the credentials')
    await expect(stranger.inspect(reference, null, never)).rejects.toThrow('does not exist or is private')
    const refused = stranger.appendLayer(change({ base: reference }), never)
    await expect(refused).rejects.toBeInstanceOf(ImageError)
  })

  test('layers that are mounted are not sent', async () => {
    const name = `${open.host}/mounted`
    const { manifest } = await contentOf(await registry.inspect(`${open.host}/busybox:1`, null, never))
    const layer = manifest.layers[0]?.digest ?? ''
    const repository = repositoryOf(name)
    expect(await repository.has(layer, never)).toBe(false)
    expect(await repository.mount(layer, 'nowhere', never)).toBe(false)
    expect(await repository.mount(layer, 'busybox', never)).toBe(true)
    expect(await repository.has(layer, never)).toBe(true)
  })

  describe('another base', () => {
    const file = (content: string) => ({ files: { 'etc/version': { content } } })
    const shop = async (name: string) => {
      await pushBase(`${open.host}/run`, '1', file('1'))
      return registry.appendLayer(change({ base: `${open.host}/run:1`, target: `${open.host}/${name}` }), never)
    }
    const rebased = (image: string, base: string, decide: BaseChange['decide'], tag = 'v2') =>
      registry.changeBase({ image, base, credentials: null, tag, decide }, never)

    test('of the same registry: what runs stays, the files below change', async () => {
      const old = await shop('shop')
      await pushBase(`${open.host}/run`, '2', { ...file('2'), config: { User: '7', Env: ['X=y'] } })
      const seen: ImageParts[] = []
      const facts = await rebased(old.reference, `${open.host}/run:2`, (...both) => {
        seen.push(...both)
        return { replaced: 1, labels: { made: 'so' } }
      })
      const before = await contentOf(old)
      expect(seen.map(({ diffIds }) => diffIds.length)).toEqual([2, 1])
      expect(seen[0]).toEqual({
        reference: old.reference,
        os: 'linux',
        architecture: expect.any(String) as string,
        variant: '',
        labels: old.labels,
        diffIds: before.config.rootfs.diff_ids,
      })
      expect(facts).toEqual({
        ...old,
        digest: facts?.digest,
        reference: `${open.host}/shop@${facts?.digest}`,
        labels: { made: 'so' },
      })
      const { tars } = await contentOf(facts as ImageFacts)
      expect(tars).toEqual([tarOf(file('2').files), before.tars[1]])
      expect(await registry.inspect(`${open.host}/shop:v2`, null, never)).toEqual(facts)
      expect((await registry.tags(`${open.host}/shop`, never)).get('v1')).toBe(old.digest)
    })

    test('elsewhere, with credentials of its own and in the other dialect', async () => {
      const old = await shop('shop2')
      await pushBase(`${locked.host}/team/run`, '3', { ...file('3'), dialect: 'docker' }, credentials)
      const stranger = createRegistry({ insecure: [open.host, locked.host], mirrors: {}, credentials: {} })
      const base = `${locked.host}/team/run:3`
      const order = { image: old.reference, base, tag: 'v2', decide: () => ({ replaced: 1, labels: {} }) }
      await expect(stranger.changeBase({ ...order, credentials: null }, never)).rejects.toThrow(ImageError)
      const facts = await stranger.changeBase({ ...order, credentials: testUser }, never)
      const { tars, manifest } = await contentOf(facts as ImageFacts)
      expect(tars[0]).toEqual(tarOf(file('3').files))
      expect(manifest.layers.map(({ mediaType }) => mediaType)).toEqual([mediaTypes.ociLayer, mediaTypes.ociLayer])
    })

    test('that is not wanted, or refused, leaves nothing', async () => {
      const old = await shop('shop3')
      expect(await rebased(old.reference, `${open.host}/run:1`, () => null)).toBeNull()
      const refuse = (): never => {
        throw new RangeError('no')
      }
      await expect(rebased(old.reference, `${open.host}/run:1`, refuse)).rejects.toThrow(RangeError)
      await expect(rebased(old.reference, `${open.host}/run:none`, refuse)).rejects.toThrow('not found')
      expect([...(await registry.tags(`${open.host}/shop3`, never)).keys()]).toEqual(['v1'])
    })
  })

  describe('a layer', () => {
    const read = (
      image: string,
      diffId: string,
      limit = 2 ** 20,
      use: (content: Readable) => Promise<unknown> = buffer,
    ) => registry.readLayer(image, diffId, limit, use, never)

    test('is read as it is stored', async () => {
      const tar = tarOf({ 'app/web.js': { content: 'serve()' } })
      const { reference } = await registry.appendLayer(change({ target: `${open.host}/read` }), never)
      const stored = (await read(reference, blobOf(tar).digest)) as Buffer
      expect(gunzipSync(stored)).toEqual(tar)
      expect(await read(reference, `sha256:${'0'.repeat(64)}`)).toBeNull()
      await expect(read(reference, blobOf(tar).digest, 10)).rejects.toThrow('more than 10 bytes')
      const gaveUp = read(reference, blobOf(tar).digest, 2 ** 20, async (content) => {
        content.destroy()
        throw new RangeError('enough')
      })
      await expect(gaveUp).rejects.toThrow(RangeError)
    })
  })

  test('what is removed is gone, once', async () => {
    const { reference } = await registry.appendLayer(change({ target: `${open.host}/old` }), never)
    expect(await registry.remove(reference, never)).toBe(true)
    expect(await registry.remove(reference, never)).toBe(false)
    await expect(registry.inspect(reference, null, never)).rejects.toThrow('not found')
    expect(await registry.tags(`${open.host}/old`, never)).toEqual(new Map())
  })

  test('an image or repository that is not there', async () => {
    await expect(registry.inspect(`${open.host}/busybox:2`, null, never)).rejects.toThrow(
      `${open.host}/busybox:2 not found`,
    )
    await expect(registry.inspect(`${open.host}/nothing`, null, never)).rejects.toThrow(ImageError)
    expect(await registry.tags(`${open.host}/nothing`, never)).toEqual(new Map())
    expect(await registry.remove(`${open.host}/nothing@sha256:${'0'.repeat(64)}`, never)).toBe(false)
  })

  test('images for tests are made once for the same content', async () => {
    const files = { 'hello.txt': { content: 'hello' } }
    const [one, two] = [await imageOf(files, {}, open.host), await imageOf(files, {}, open.host)]
    expect(two).toEqual(one)
    expect((await imageOf({ ...files, more: { content: '' } }, {}, open.host)).reference).not.toBe(one.reference)
    expect((await webImage('hi', 9000, open.host)).ports).toEqual([9000])
  })
})
