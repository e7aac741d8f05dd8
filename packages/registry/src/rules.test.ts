// Do the pure rules hold: challenges, variants, ports, addresses, merged configs?
import { describe, expect, test } from 'vitest'
import { isOffLimits } from './address.ts'
import { parseChallenge } from './challenge.ts'
import type { ImageConfig, Index, Platform } from './documents.ts'
import { architectureOf, chooseVariant, portsOf, refuseForeign } from './facts.ts'
import { layeredConfig } from './layered.ts'
import { ImageError } from '@deis/ports/registry'
import { nextPage } from './repository.ts'

const digest = (digit: string): string => `sha256:${digit.repeat(64)}`

describe('challenges', () => {
  const bearer = (realm: string, service = '', scope = '') => ({ scheme: 'bearer', realm, service, scope })
  test.each([
    ['Basic realm="x"', { scheme: 'basic' }],
    ['basic', { scheme: 'basic' }],
    [
      'Bearer realm="https://a/t",service="s",scope="repository:x:pull,push"',
      bearer('https://a/t', 's', 'repository:x:pull,push'),
    ],
    ['bearer realm=https://a/t , service=s', bearer('https://a/t', 's')],
    ['Basic realm="x", Bearer realm="https://a/t"', bearer('https://a/t')],
    ['Bearer realm="https://a/t", Basic realm="x"', bearer('https://a/t')],
    ['Bearer realm="https://a/\\"q\\"",service="a, b=c"', bearer('https://a/"q"', 'a, b=c')],
    ['Negotiate, Basic realm="x, y"', { scheme: 'basic' }],
    ['Bearer service="s"', null],
    ['Negotiate', null],
    ['', null],
    ['=,"', null],
  ])('%s', (header, expected) => {
    expect(parseChallenge(header)).toEqual(expected)
  })
})

describe('variants', () => {
  const index = (...platforms: (Platform | null)[]): Index => ({
    schemaVersion: 2,
    manifests: platforms.map((platform, at) => ({ mediaType: 'm', digest: digest(String(at)), size: 1, platform })),
  })
  const linux = (architecture: string, variant?: string): Platform => ({
    os: 'linux',
    architecture,
    ...(variant === undefined ? {} : { variant }),
  })
  test.each([
    ['the only one', index(linux('amd64')), 'amd64', 0],
    ['among others', index({ os: 'windows', architecture: 'amd64' }, linux('arm64', 'v8'), linux('amd64')), 'amd64', 2],
    ['for arm64', index(linux('amd64'), linux('arm', 'v7'), linux('arm64', 'v8')), 'arm64', 2],
    ['one that all processors run before newer ones', index(linux('amd64', 'v3'), linux('amd64')), 'amd64', 1],
    ['a newer one where there is no other', index(linux('amd64', 'v3')), 'amd64', 0],
    ['nothing without a platform', index(null, { os: 'unknown', architecture: 'unknown' }, linux('amd64')), 'amd64', 2],
  ])('%s', (_name, list, architecture, at) => {
    expect(chooseVariant(list, architecture, 'img').digest).toBe(digest(String(at)))
  })

  test('none of ours is told with those there are', () => {
    const list = index(linux('arm64', 'v8'), { os: 'unknown', architecture: 'unknown' })
    expect(() => chooseVariant(list, 'amd64', 'img:1')).toThrow(
      new ImageError(
        'img:1 has no variant for linux/amd64, only for linux/arm64/v8',
        'build it for this platform: docker build --platform linux/amd64',
      ),
    )
    expect(() => chooseVariant(index(), 'amd64', 'img:1')).toThrow('only for nothing')
  })

  test('an image without an index is of one platform', () => {
    const rootfs = { type: 'layers', diff_ids: [] }
    expect(() => refuseForeign({ os: 'linux', architecture: 'arm64', rootfs }, 'amd64', 'img')).toThrow('linux/arm64')
    expect(() => refuseForeign({ os: 'windows', architecture: 'amd64', rootfs }, 'amd64', 'img')).toThrow(
      'windows/amd64',
    )
    refuseForeign({ os: 'linux', architecture: 'amd64', rootfs }, 'amd64', 'img')
    refuseForeign({ rootfs }, 'amd64', 'img')
  })

  test('node and images have different names for processors', () => {
    expect(['x64', 'arm64', 'ppc64le'].map(architectureOf)).toEqual(['amd64', 'arm64', 'ppc64le'])
  })
})

test.each([
  [[], []],
  [['8080/tcp'], [8080]],
  [['8080'], [8080]],
  [
    ['9000/tcp', '80/tcp', '443/TCP', '80'],
    [80, 443, 9000],
  ],
  [['53/udp', '9/sctp', 'http', '', '0/tcp', '65536/tcp', '123456'], []],
  [['8000-8002/tcp'], [8000, 8001, 8002]],
  [
    ['65534-99999', '5-4'],
    [65_534, 65_535],
  ],
])('ports of %j are %j', (exposed, ports) => {
  expect(portsOf(Object.fromEntries(exposed.map((one) => [one, {}])))).toEqual(ports)
})

describe('addresses', () => {
  test.each([
    '127.0.0.1',
    '127.9.9.9',
    '0.0.0.0',
    '169.254.169.254',
    '100.100.100.200',
    '168.63.129.16',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    'fe80::1',
    'ff02::1',
    'fd00:ec2::254',
    '::ffff:127.0.0.1',
    '::ffff:a9fe:a9fe',
    '64:ff9b::a9fe:a9fe',
  ])('%s is off limits', (address) => {
    expect(isOffLimits(address)).toBe(true)
  })
  test.each(['10.20.0.1', '192.168.1.1', '172.16.0.1', '8.8.8.8', '2001:db8::1', 'fd00::1', '::ffff:8.8.8.8'])(
    '%s is not',
    (address) => {
      expect(isOffLimits(address)).toBe(false)
    },
  )
})

describe('a config with one more layer', () => {
  const change = {
    entrypoint: ['/runner/init'],
    cmd: [],
    workingDir: '/app',
    user: null,
    env: { PATH: '/app/bin', EMPTY: '', URL: 'a=b' },
    labels: { ours: '1' },
    exposed: [],
  }
  const base: ImageConfig = {
    os: 'linux',
    architecture: 'amd64',
    config: {
      Env: ['PATH=/bin', 'LANG=C'],
      Entrypoint: ['/old'],
      Cmd: ['old'],
      User: 'app',
      Labels: { theirs: '2', ours: '0' },
      ExposedPorts: { '80/tcp': {} },
    },
    rootfs: { type: 'layers', diff_ids: [digest('1')] },
    history: [{ created_by: 'them' }],
  }

  test('merges what adds up, replaces what does not, and keeps the rest', () => {
    const unknown = { ...base, variant: 'v1', config: { ...base.config, StopSignal: 'SIGINT' } }
    expect(layeredConfig(unknown, digest('2'), change)).toEqual({
      os: 'linux',
      architecture: 'amd64',
      variant: 'v1',
      created: '1970-01-01T00:00:00.000Z',
      config: {
        Env: ['PATH=/app/bin', 'LANG=C', 'EMPTY=', 'URL=a=b'],
        Entrypoint: ['/runner/init'],
        Cmd: [],
        User: 'app',
        WorkingDir: '/app',
        Labels: { theirs: '2', ours: '1' },
        ExposedPorts: { '80/tcp': {} },
        StopSignal: 'SIGINT',
      },
      rootfs: { type: 'layers', diff_ids: [digest('1'), digest('2')] },
      history: [{ created_by: 'them' }, { created: '1970-01-01T00:00:00.000Z', created_by: 'deis' }],
    })
  })

  test('ports of ours replace the base’s, a user of ours too', () => {
    const { config } = layeredConfig(base, digest('2'), { ...change, exposed: [5000], user: '1000' })
    expect(config).toMatchObject({ ExposedPorts: { '5000/tcp': {} }, User: '1000' })
    expect(Object.keys(config.ExposedPorts ?? {})).toEqual(['5000/tcp'])
  })

  test.each([
    ['2026-05-01T10:00:00Z', '2026-05-01T10:00:00.000Z'],
    ['yesterday', '1970-01-01T00:00:00.000Z'],
  ])('it was created when the label says: %s', (label, created) => {
    const labels = { 'org.opencontainers.image.created': label }
    expect(layeredConfig(base, digest('2'), { ...change, labels }).created).toBe(created)
  })

  test('a base that says nothing of itself will do', () => {
    const bare = { config: null, rootfs: { type: 'layers', diff_ids: [] } }
    expect(layeredConfig(bare, digest('2'), change).config).toMatchObject({ Labels: { ours: '1' }, WorkingDir: '/app' })
  })
})

test.each([
  [undefined, null],
  ['</v2/a/tags/list?last=b&n=2>; rel="next"', 'http://h:1/v2/a/tags/list?last=b&n=2'],
  ['<tags/list?last=b>; rel=next', 'http://h:1/v2/a/tags/tags/list?last=b'],
  // Never another server's, whatever it says.
  ['<http://evil.example/v2/x>; rel="next"', 'http://h:1/v2/x'],
  ['</x>; rel="prev"', null],
  ['</x>; rel="prev", </y>; rel="next"', 'http://h:1/y'],
])('the page after %j is %s', (link, next) => {
  expect(nextPage(link, new URL('http://h:1/v2/a/tags/list?n=2'))?.href ?? null).toBe(next)
})
