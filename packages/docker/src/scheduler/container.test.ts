// Is a container created with the rights, limits and labels that it should have?
import { describe, expect, test } from 'vitest'
import { DeployFailure } from '@deis/ports/scheduler'
import { containerBody, type ContainerParts, isUnenforced } from './container.ts'

const parts: ContainerParts = {
  platform: 'p1',
  name: 'tea-web-0123456789-abcde',
  kind: 'pod',
  app: 'tea',
  release: 3,
  artifact: { kind: 'image', reference: 'registry.test/tea@sha256:0', launcher: 'none' },
  env: { PORT: '5000', 'WITH SPACE': 'a=b\nc' },
  type: 'web',
  command: 'node server.js',
  port: 5000,
  published: [],
  network: 'deis-tea',
  graceSeconds: 30,
  session: null,
}
const machine = { cores: 2, init: true, swap: true, pids: true }
const host = (more: Partial<ContainerParts>) => containerBody({ ...parts, ...more }, machine).HostConfig

test('all of it', () => {
  expect(containerBody(parts, machine)).toMatchObject({
    Hostname: 'tea-web-0123456789-abcde',
    Image: 'registry.test/tea@sha256:0',
    Entrypoint: ['/bin/bash', '-c'],
    Cmd: ['node server.js'],
    Env: ['PORT=5000', 'WITH SPACE=a=b\nc'],
    Labels: {
      'io.deis.platform': 'p1',
      'io.deis.app': 'tea',
      'io.deis.type': 'web',
      'io.deis.release': '3',
      'io.deis.kind': 'pod',
      'io.deis.port': '5000',
      'io.deis.grace': '30',
    },
    Healthcheck: { Test: ['NONE'] },
    StopTimeout: 30,
    Tty: false,
    OpenStdin: false,
  })
})

test('it has no more rights than it needs, and is seen from nowhere', () => {
  expect(host({})).toMatchObject({
    PidsLimit: 4096,
    Init: true,
    RestartPolicy: { Name: 'no' },
    AutoRemove: false,
    NetworkMode: 'deis-tea',
    PortBindings: {},
    SecurityOpt: ['no-new-privileges=true'],
    CapDrop: ['ALL'],
  })
  expect(host({})['Privileged']).toBeUndefined()
  expect(host({ published: [5000] })['PortBindings']).toEqual({ '5000/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] })
})

test.each([
  ['none', expect.arrayContaining(['SETUID', 'NET_BIND_SERVICE']) as string[]],
  ['slug', []],
  ['cnb', []],
] as const)('capabilities of an image with the launcher %s', (launcher, wanted) => {
  const artifact = { kind: 'image', reference: 'x@sha256:0', launcher } as const
  expect(host({ artifact })['CapAdd']).toEqual(wanted)
})

describe('limits', () => {
  test.each([
    [{}, {}],
    [{ memory: '128M' }, { Memory: 128 * 2 ** 20, MemorySwap: 128 * 2 ** 20 }],
    [{ memory: '64M/1g' }, { Memory: 2 ** 30, MemorySwap: 2 ** 30, MemoryReservation: 64 * 2 ** 20 }],
    [{ memory: '0/100MB' }, { Memory: 100 * 2 ** 20, MemorySwap: 100 * 2 ** 20 }],
    [{ cpu: '500m' }, { NanoCpus: 5e8 }],
    [{ cpu: '250m/2' }, { NanoCpus: 2e9, CpuShares: 256 }],
    [{ cpu: '0' }, {}],
  ])('%j', (given, wanted) => {
    const names = ['Memory', 'MemorySwap', 'MemoryReservation', 'NanoCpus', 'CpuShares']
    expect(Object.fromEntries(Object.entries(host(given)).filter(([name]) => names.includes(name)))).toEqual(wanted)
  })
  test.each([
    [{ memory: '1M' }, 'Docker needs at least 6M'],
    [{ cpu: '3' }, 'this machine has 2 cores'],
    [{ cpu: '1m' }, 'this machine has 2 cores'],
  ])('%j is refused', (given, message) => {
    expect(() => host(given)).toThrow(message)
  })
})

test('what the machine does not have is not asked for, and does without', () => {
  const bare = { cores: 2, init: false, swap: false, pids: false }
  const { HostConfig } = containerBody({ ...parts, memory: '128M' }, bare)
  expect(HostConfig).toMatchObject({ Init: false, Memory: 128 * 2 ** 20, MemorySwap: -1 })
  expect(HostConfig['PidsLimit']).toBeUndefined()
})

test('a slug is refused with the next step; a long name is cut to what a host may be called', () => {
  expect(() => containerBody({ ...parts, artifact: { kind: 'slug', digest: 'sha256:0' } }, machine)).toThrow(
    DeployFailure,
  )
  const name = `${'a'.repeat(60)}-${'b'.repeat(61)}x`
  expect(containerBody({ ...parts, name }, machine)['Hostname']).toBe(`${'b'.repeat(61)}x`)
})

test.each([
  ['Your kernel does not support memory limit capabilities or the cgroup is not mounted. Limitation discarded.', true],
  [
    'Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.',
    false,
  ],
  ['The requested image platform (linux/arm64) does not match', false],
])('%j is a limit that is not enforced: %s', (warning, unenforced) => {
  expect(isUnenforced([warning]) !== null).toBe(unenforced)
})
