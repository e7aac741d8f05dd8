// Which run images may an app's image get, and what does it say about itself then?
import { describe, expect, test } from 'vitest'
import { BuildFailure } from '@deis/ports/builder'
import type { ImageParts } from '@deis/ports/registry'
import { lifecycleMetadata } from './lifecycle-label.ts'
import { rebaseDecision, runLayers } from './rebase-rules.ts'
import { fullName } from './reference.ts'

const id = (digit: string): string => `sha256:${digit.repeat(64)}`
const ids = (digits: string): string[] => digits.split('').map(id)
const distro = (name: string, version: string) => ({
  'io.buildpacks.base.distro.name': name,
  'io.buildpacks.base.distro.version': version,
})

type Metadata = Readonly<Record<string, unknown>>
const metadata: Metadata = {
  app: [{ sha: id('a') }],
  sbom: { sha: id('b') },
  buildpacks: [{ key: 'test/node', version: '1', layers: { deps: { sha: id('c'), launch: true } } }],
  config: { sha: id('d') },
  launcher: { sha: id('e') },
  'process-types': { sha: id('f') },
  runImage: {
    topLayer: id('2'),
    reference: 'heroku/heroku@old',
    image: 'heroku/heroku:24',
    mirrors: ['ecr/heroku:24'],
  },
  stack: { runImage: { image: 'heroku/heroku:24' } },
  unknown: { kept: true },
}
const image = (more: Partial<ImageParts> = {}, lifecycle: Metadata | string | null = metadata): ImageParts => ({
  reference: 'r.example.com/shop@sha256:1',
  os: 'linux',
  architecture: 'amd64',
  variant: '',
  diffIds: ids('12cbaedf'),
  ...more,
  labels: {
    ...distro('ubuntu', '24.04'),
    'io.buildpacks.stack.id': 'heroku-24',
    'io.buildpacks.stack.maintainer': 'Heroku',
    'com.example.own': 'stays',
    ...(lifecycle === null
      ? {}
      : {
          'io.buildpacks.lifecycle.metadata': typeof lifecycle === 'string' ? lifecycle : JSON.stringify(lifecycle),
        }),
    ...more.labels,
  },
})
const run = (more: Partial<ImageParts> = {}): ImageParts => ({
  reference: 'docker.io/heroku/heroku@sha256:new',
  os: 'linux',
  architecture: 'amd64',
  variant: '',
  labels: { ...distro('ubuntu', '24.04'), 'io.buildpacks.stack.id': 'heroku-24', 'com.example.run': 'not taken over' },
  diffIds: ids('178'),
  ...more,
})

describe('the same run image, newer', () => {
  test('its layers take the place of the old ones, and the labels say so', () => {
    const made = rebaseDecision(image(), run(), 'heroku/heroku:24')
    const { 'io.buildpacks.lifecycle.metadata': text = '', ...labels } = made?.labels ?? {}
    expect(made?.replaced).toBe(2)
    expect(labels).toEqual({
      ...distro('ubuntu', '24.04'),
      'io.buildpacks.stack.id': 'heroku-24',
      'com.example.own': 'stays',
    })
    expect(JSON.parse(text)).toEqual({
      ...metadata,
      runImage: {
        ...(metadata.runImage as object),
        topLayer: id('8'),
        reference: 'docker.io/heroku/heroku@sha256:new',
      },
    })
  })

  test.each(['docker.io/heroku/heroku:24', 'ecr/heroku:24'])('by the name %s too', (name) => {
    const { labels = {} } = rebaseDecision(image(), run(), name) ?? {}
    expect(lifecycleMetadata(labels)?.runImage).toMatchObject({ image: 'heroku/heroku:24', mirrors: ['ecr/heroku:24'] })
  })

  test('another name is recorded', () => {
    const { labels = {} } = rebaseDecision(image(), run(), 'acme/heroku:24') ?? {}
    expect(lifecycleMetadata(labels)).toMatchObject({
      runImage: { image: 'acme/heroku:24', mirrors: [], topLayer: id('8') },
      stack: { runImage: { image: 'acme/heroku:24', mirrors: [] } },
      unknown: { kept: true },
    })
  })

  test('nothing is done when its layers are there, whatever its digest is', () => {
    expect(rebaseDecision(image(), run({ diffIds: ids('12') }), 'heroku/heroku:24')).toBeNull()
    expect(rebaseDecision(image(), run({ diffIds: ids('1') }), 'heroku/heroku:24')).not.toBeNull()
    expect(rebaseDecision(image(), run({ diffIds: ids('12c') }), 'heroku/heroku:24')).not.toBeNull()
  })
})

describe('what is refused', () => {
  test.each<[string, ImageParts, ImageParts, string]>([
    ['no label', image({}, null), run(), 'has no label io.buildpacks.lifecycle.metadata'],
    ['a label that is not JSON', image({}, '{'), run(), 'has no label io.buildpacks.lifecycle.metadata'],
    ['a label of another form', image({}, { runImage: [] }), run(), 'has no label io.buildpacks.lifecycle.metadata'],
    ['not rebasable', image({ labels: { 'io.buildpacks.rebasable': 'false' } }), run(), 'must not be changed'],
    ['another architecture', image(), run({ architecture: 'arm64' }), 'it is for linux/arm64, the app for linux/amd64'],
    ['another system', image(), run({ os: 'windows' }), 'it is for windows/amd64'],
    ['another variant', image({ variant: 'v8' }), run({ variant: 'v7' }), 'variant v7'],
    [
      'another distribution',
      image(),
      run({ labels: distro('alpine', '3') }),
      'distro.name is alpine, that of the app ubuntu',
    ],
    ['another version', image(), run({ labels: distro('ubuntu', '26.04') }), 'distro.version is 26.04'],
    ['another stack', image(), run({ labels: { 'io.buildpacks.stack.id': 'heroku-22' } }), 'stack.id is heroku-22'],
    ['an empty image', image(), run({ diffIds: [] }), 'has no layers'],
    ['layers that are not as the label says', image({ diffIds: ids('13cbaedf') }), run(), 'does not have the layers'],
  ])('%s', (_, app, base, message) => {
    expect(() => rebaseDecision(app, base, 'heroku/heroku:24')).toThrow(BuildFailure)
    expect(() => rebaseDecision(app, base, 'heroku/heroku:24')).toThrow(message)
  })

  test('an image of another name that says nothing of itself', () => {
    const says = 'does not say which distribution or stack it is'
    expect(() => rebaseDecision(image(), run({ labels: {} }), 'busybox')).toThrow(says)
    const version = { 'io.buildpacks.base.distro.version': '24.04' }
    expect(() => rebaseDecision(image(), run({ labels: version }), 'busybox')).toThrow(says)
    // The builder named it.
    expect(rebaseDecision(image(), run({ labels: {} }), 'heroku/heroku:24')?.replaced).toBe(2)
  })
})

test.each([
  ['12cba', id('2'), 2],
  ['cba', id('2'), null],
  ['1', id('1'), 1],
  // Empty layers are all the same, in the run image or in the app's.
  ['122cba', id('2'), 3],
  ['12c2', id('2'), null],
  ['12ca', id('a'), 4],
  ['1aca', id('a'), 2],
  ['1aaca', id('a'), null],
  ['1cba', undefined, null],
])('of the layers %s up to %s, %s are the run image’s', (layers, topLayer, expected) => {
  const read = lifecycleMetadata({
    'io.buildpacks.lifecycle.metadata': JSON.stringify({ ...metadata, runImage: { reference: 'x', topLayer } }),
  })
  expect(read && runLayers(ids(layers), read)).toBe(expected)
})

test.each([
  ['heroku/heroku:24', 'docker.io/heroku/heroku:24'],
  ['docker.io/heroku/heroku:24', 'docker.io/heroku/heroku:24'],
  ['index.docker.io/busybox', 'docker.io/library/busybox:latest'],
  ['busybox@sha256:1', 'docker.io/library/busybox@sha256:1'],
  ['R.example.com:5000/a', 'r.example.com:5000/a:latest'],
  ['localhost/a:1', 'localhost/a:1'],
])('%s is %s', (given, full) => {
  expect(fullName(given)).toBe(full)
})
