// Are the bills of materials of an image found, and is a hostile layer of them refused?
import { mkdtemp, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testArchiver } from '@deis/machine/archive-testing'
import { discard } from '@deis/machine/discard'
import { BuildFailure, type SbomDocument } from '@deis/ports/builder'
import { createRegistry } from '@deis/registry/create'
import { blobOf } from '@deis/registry/repository'
import {
  hasDockerRegistry,
  pushBase,
  startRegistry,
  tarOf,
  type TestFiles,
  type TestRegistry,
} from '@deis/registry/testing'
import { createSbomReader } from './sbom.ts'

const never = new AbortController().signal

describe.skipIf(!hasDockerRegistry)('of an image in a registry', () => {
  let open: TestRegistry
  let folder = ''
  beforeAll(async () => {
    open = await startRegistry()
    folder = await mkdtemp(join(tmpdir(), 'deis-sbom-'))
  })
  afterAll(async () => {
    await open.close()
    await discard(folder)
  })

  const read = async (
    files: TestFiles,
    format: 'cyclonedx' | 'spdx' | 'syft' = 'cyclonedx',
    sha: string | null = blobOf(tarOf(files)).digest,
  ): Promise<readonly SbomDocument[]> => {
    const label = { runImage: { reference: 'x' }, ...(sha === null ? {} : { sbom: { sha } }) }
    const config = { Labels: { 'io.buildpacks.lifecycle.metadata': JSON.stringify(label) } }
    const { digest } = await pushBase(`${open.host}/shop`, '1', { files, config })
    const registry = createRegistry({ insecure: [open.host], mirrors: {}, credentials: {} })
    const buildpacks = [{ id: 'test/node', version: '1' }]
    try {
      const request = { image: `${open.host}/shop@${digest}`, format, buildpacks }
      return await createSbomReader({ registry, archiver: testArchiver, folder })(request, never)
    } finally {
      expect(await readdir(folder)).toEqual([])
    }
  }
  const at = (path: string, content: string | Buffer = '{"a":1}\n') => ({
    [`/layers/sbom/launch/${path}`]: { content },
  })

  test('one of a buildpack, and one of each of its layers', async () => {
    const files = {
      ...at('test_node/sbom.cdx.json'),
      ...at('test_node/deps/sbom.cdx.json', '{"b":2}'),
      ...at('test_node/deps/sbom.spdx.json', '{"c":3}'),
      ...at('buildpacksio_lifecycle/launcher/sbom.cdx.json', '{"d":4}'),
      ...at('test_node/deps/deeper/sbom.cdx.json'),
      ...at('sbom.cdx.json'),
    }
    expect(await read(files)).toEqual([
      { buildpack: 'buildpacksio_lifecycle', layer: 'launcher', text: '{"d":4}' },
      { buildpack: 'test/node', layer: null, text: '{"a":1}' },
      { buildpack: 'test/node', layer: 'deps', text: '{"b":2}' },
    ])
    expect(await read(files, 'spdx')).toEqual([{ buildpack: 'test/node', layer: 'deps', text: '{"c":3}' }])
    expect(await read(files, 'syft')).toEqual([])
  })

  test('names without a slash before them', async () => {
    expect(await read({ 'layers/sbom/launch/a/sbom.cdx.json': { content: '{}' } })).toHaveLength(1)
  })

  test('none is in an image that names no layer for it', async () => {
    expect(await read(at('a/sbom.cdx.json'), 'cyclonedx', null)).toEqual([])
  })

  test.each<[string, TestFiles, string | undefined, string]>([
    ['a layer that is not there', at('a/sbom.cdx.json'), `sha256:${'0'.repeat(64)}`, 'that it does not have'],
    ['what is not JSON', at('a/sbom.cdx.json', 'rubbish'), undefined, 'of "a" is not a JSON object'],
    ['what is not text', at('a/sbom.cdx.json', Buffer.from([123, 0xff, 125])), undefined, 'is not a JSON object'],
    ['too much', at('a/sbom.cdx.json', Buffer.alloc(16 * 2 ** 20 + 1)), undefined, 'more than 16 MiB'],
    ['too much, unpacked', at('a/x', Buffer.alloc(256 * 2 ** 20 + 1)), undefined, 'more than 268435456 bytes'],
    [
      'too many',
      Object.assign({}, ...Array.from({ length: 5_001 }, (_, i) => at(`a${i}/x`, ''))) as TestFiles,
      undefined,
      'more than 10000 entries',
    ],
    ['what leaves its folder', { '/../escaped': { content: '{}' } }, undefined, 'points outside the archive'],
  ])('%s is refused', async (_, files, sha, message) => {
    const failed = read(files, 'cyclonedx', sha)
    await expect(failed).rejects.toThrow(BuildFailure)
    await expect(failed).rejects.toThrow(message)
  })
})
