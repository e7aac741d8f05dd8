// What do manifest and config of an image with another base look like?
import { describe, expect, test } from 'vitest'
import { type ImageConfig, mediaTypes } from './documents.ts'
import { rebasedConfig, rebasedManifest } from './rebased.ts'

const id = (digit: string): string => `sha256:${digit.repeat(64)}`
const config = (layers: string, more: object = {}): ImageConfig => ({
  os: 'linux',
  architecture: 'amd64',
  config: { Env: ['A=1'], User: '1000', Labels: { old: 'x' } },
  rootfs: { type: 'layers', diff_ids: layers.split('').map(id) },
  ...more,
})
const decision = { replaced: 2, labels: { new: 'y' } }
const history = (...steps: string[]): object => ({
  history: steps.map((step) => ({ created_by: step, ...(step.startsWith('-') ? { empty_layer: true } : {}) })),
})

describe('the config', () => {
  test('says what the image says, on the layers of the base', () => {
    const made = rebasedConfig(
      config('abcd', { created: '1980', variant: 'v1', unknown: 'kept' }),
      { ...config('123', { os: 'linux', architecture: 'amd64', variant: 'v2' }), config: { Env: ['B=2'], User: '0' } },
      decision,
    )
    expect(made).toMatchObject({
      created: '1980',
      unknown: 'kept',
      variant: 'v2',
      config: { Env: ['A=1'], User: '1000', Labels: { new: 'y' } },
      rootfs: { type: 'layers', diff_ids: '123cd'.split('').map(id) },
    })
    expect(made.config.Labels).toEqual({ new: 'y' })
  })

  test('has no variant where the base has none', () => {
    expect(rebasedConfig(config('ab', { variant: 'v1' }), config('1'), decision)).not.toHaveProperty('variant')
  })

  const none = { created: '1970-01-01T00:00:00.000Z' }
  const of = (text: string) => ({ created_by: text, ...(text.startsWith('-') ? { empty_layer: true } : {}) })
  test.each([
    [
      'of both',
      history('a', '-e', 'b', '-f', 'c', 'd'),
      history('1', '-g', '2', '3'),
      ['1', '-g', '2', '3', '-f', 'c', 'd'],
    ],
    ['of the base only', {}, history('1', '2', '3'), ['1', '2', '3', null, null]],
    ['of the image only', history('a', 'b', 'c', '-e', 'd'), {}, [null, null, null, 'c', '-e', 'd']],
    ['that does not fit', history('a', 'b'), history('1', '2', '3', '4'), [null, null, null, null, null]],
    ['of none', { history: null }, {}, [null, null, null, null, null]],
  ])('history %s', (_, image, base, expected) => {
    const made = rebasedConfig(config('abcd', image), config('123', base), decision)
    expect(made.history).toEqual(expected.map((one) => (one === null ? none : of(one))))
  })
})

describe('the manifest', () => {
  const layer = (digit: string, mediaType: string) => ({ digest: id(digit), size: 1, mediaType })
  const own = { digest: id('f'), size: 9 }
  const manifest = (mediaType: string, layers: ReturnType<typeof layer>[], more: object = {}) => ({
    mediaType,
    manifestDigest: id('e'),
    manifest: { schemaVersion: 2 as const, config: layer('c', 'config'), layers, ...more },
  })
  const { ociManifest, dockerManifest, ociLayer, dockerLayer } = mediaTypes
  const zstd = 'application/vnd.oci.image.layer.v1.tar+zstd'

  test.each([
    ['oci on docker', ociManifest, ociLayer, dockerManifest, dockerLayer, ociLayer],
    ['docker on oci', dockerManifest, dockerLayer, ociManifest, ociLayer, dockerLayer],
    ['oci on oci', ociManifest, ociLayer, ociManifest, ociLayer, ociLayer],
    ['what has no twin', ociManifest, ociLayer, ociManifest, zstd, zstd],
  ])('%s', (_, kind, mine, baseKind, theirs, expected) => {
    const image = manifest(
      kind,
      ['1', '2', '3'].map((digit) => layer(digit, mine)),
    )
    const base = manifest(
      baseKind,
      ['7', '8', '9'].map((digit) => layer(digit, theirs)),
    )
    const made = rebasedManifest(image, base, own, decision)
    expect(made.mediaType).toBe(kind)
    expect(made.config).toEqual({ ...own, mediaType: 'config' })
    expect(made.layers).toEqual([...['7', '8', '9'].map((digit) => layer(digit, expected)), layer('3', mine)])
  })

  test('names its base, and keeps other notes', () => {
    const note = 'org.opencontainers.image.base.digest'
    const image = manifest(ociManifest, [layer('1', ociLayer)], { annotations: { a: 'b', [note]: id('0') } })
    expect(rebasedManifest(image, image, own, { replaced: 1 })).toMatchObject({
      annotations: { a: 'b', [note]: id('e') },
    })
    const docker = manifest(dockerManifest, [layer('1', dockerLayer)])
    expect(rebasedManifest(docker, docker, own, { replaced: 1 })).not.toHaveProperty('annotations')
  })
})
