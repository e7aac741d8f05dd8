// Does the doctor judge machines as it should?
import type { Check } from '@deis/types'
import { expect, test } from 'vitest'
import { run } from '../program.ts'
import type { Facts } from '../machine/facts.ts'
import { firewallChecks } from './firewall.ts'
import { machineChecks } from './machine.ts'
import { nameChecks } from './names.ts'
import { platformChecks, type Unit } from './platform.ts'
import { portChecks } from './ports.ts'

const gigabyte = 1024 ** 3
const healthy: Facts = {
  root: true,
  system: 'Debian GNU/Linux 12 (bookworm)',
  arch: 'x64',
  hostname: 'box',
  addresses: ['203.0.113.7'],
  systemd: 252,
  memory: { total: 2 * gigabyte, available: gigabyte, swap: 0 },
  disks: [{ path: '/var/lib', free: 40 * gigabyte, total: 50 * gigabyte }],
  node: '20.19.0',
  git: '2.39.5',
  docker: null,
  nft: true,
  clockSynchronized: true,
}

const verdict = (checks: readonly Check[], name: string): string | undefined => {
  const found = checks.find((check) => check.name === name)
  return found && [found.status, found.concern].filter(Boolean).join(' ')
}

const small = (megabytes: number): Facts['memory'] => ({
  total: megabytes * 1024 ** 2,
  available: megabytes * 1024 ** 2,
  swap: 0,
})
const disk = (free: number): Facts['disks'] => [{ path: '/var/lib', free: free * gigabyte, total: 50 * gigabyte }]

test.each<[string, Partial<Facts>, string | undefined]>([
  ['system', {}, 'ok'],
  ['system', { arch: 'ia32' }, 'limited'],
  ['systemd', {}, 'ok'],
  ['systemd', { systemd: null }, 'missing'],
  ['git', { git: null }, 'missing broken'],
  ['docker', { docker: '27.1.0' }, 'ok'],
  ['nft', {}, undefined],
  ['nft', { nft: false }, 'missing'],
  ['nft', { nft: false, docker: '27.1.0' }, undefined],
  ['memory', {}, 'ok'],
  ['memory', { memory: small(512) }, 'limited broken'],
  ['memory', { memory: { total: gigabyte, available: 50 * 1024 ** 2, swap: 0 } }, 'limited'],
  ['memory', { memory: { ...small(512), swap: gigabyte } }, 'ok'],
  ['disk', {}, 'ok'],
  ['disk', { disks: disk(4) }, 'limited'],
  ['disk', { disks: disk(0.2) }, 'limited broken'],
  ['clock', { clockSynchronized: false }, 'limited'],
  ['clock', { clockSynchronized: null }, 'limited'],
])('%s of %o', (name, change, expected) => {
  expect(verdict(machineChecks({ ...healthy, ...change }, null), name)).toBe(expected)
})

test.each([
  ['process', null, null, 'missing'],
  ['docker', null, '27.1.0', 'ok'],
  ['docker', null, null, 'missing broken'],
  ['docker', 'tcp://elsewhere:2375', null, 'ok'],
])('docker where apps run by %s in %s, and %s answers here', (scheduler, dockerHost, docker, expected) => {
  expect(verdict(machineChecks({ ...healthy, docker }, { scheduler, dockerHost }), 'docker')).toBe(expected)
})

test.each([
  [[], 'ok'],
  [[{ port: 80, local: false, program: 'node (pid 7)', unit: 'deis-router.service' }], 'ok'],
  [[{ port: 80, local: false, program: 'nginx (pid 7)', unit: 'nginx.service' }], 'limited broken'],
  [[{ port: 80, local: false, program: null, unit: null }], 'limited broken'],
])('port 80 with %o', (listeners, expected) => {
  expect(verdict(portChecks(listeners), 'port 80')).toBe(expected)
})

const unit: Unit = {
  name: 'deis-router.service',
  state: 'active',
  enabled: true,
  restarts: 0,
  program: '/opt/deis/releases/2/bin/node',
}
test.each<[Partial<Unit>, string, string]>([
  [{}, 'ok', 'active'],
  [{ state: 'failed', program: null }, 'limited broken', 'failed: see journalctl -n 50 -u deis-router'],
  [{ program: '/opt/deis/releases/1/bin/node' }, 'limited', 'systemctl restart deis-router'],
  // A Node.js of the system.
  [{ program: '/usr/bin/node' }, 'ok', 'active'],
  [{ enabled: false }, 'limited', 'systemctl enable deis-router'],
  [{ restarts: 9 }, 'limited', 'was restarted 9 times'],
])('a unit with %o', (change, expected, detail) => {
  const checks = platformChecks({ release: '/opt/deis/releases/2', units: [{ ...unit, ...change }], missed: null })
  expect(verdict(checks, 'deis-router')).toBe(expected)
  expect(checks.find(({ name }) => name === 'deis-router')?.detail).toContain(detail)
  expect(verdict(checks, 'API')).toBe('ok')
})

test('an API that is not reached is broken', () => {
  const checks = platformChecks({ release: '/opt/deis/releases/2', units: [], missed: 'connect ECONNREFUSED' })
  expect(verdict(checks, 'API')).toBe('limited broken')
})

test.each([
  [['203.0.113.7'], ['203.0.113.7'], 'ok'],
  [['203.0.113.7', '2001:db8::1'], ['2001:db8::1'], 'ok'],
  [['203.0.113.7'], ['10.0.0.4'], 'limited'],
  [[], ['203.0.113.7'], 'limited broken'],
])('a name that leads to %j, on a machine with %j', (found, addresses, expected) => {
  expect(verdict(nameChecks([{ name: '*.a.example', found }], addresses), 'DNS *.a.example')).toBe(expected)
})

const ufw = (rules: string): string => `Status: active\n\nTo                         Action      From\n${rules}`
test.each([
  ['Status: inactive\n', '', []],
  ['', '', []],
  [ufw('80/tcp  ALLOW  Anywhere\n443  ALLOW  Anywhere\n2222/tcp  ALLOW  Anywhere\n'), '', ['ok']],
  [ufw('22/tcp  ALLOW  Anywhere\n443  ALLOW  Anywhere\n2222/tcp  DENY  Anywhere\n'), '', ['limited']],
  ['', '  services: ssh http https\n  ports: 2222/tcp\n', ['ok']],
  ['', '  services: ssh http\n  ports: 2222/tcp\n', ['limited']],
])('firewalls %j and %j', (found, firewalld, expected) => {
  expect(firewallChecks({ ufw: found, firewalld }, [80, 443, 2222]).map(({ status }) => status)).toEqual(expected)
})

test.each([
  [['--help'], 0, 'Usage: deis-server'],
  [['doctor', '--help'], 0, 'Usage: deis-server doctor'],
  [[], 2, 'Usage: deis-server'],
  [['no-such-command'], 2, "unknown command 'no-such-command'"],
  [['doctor', '--no-such'], 2, "unknown option '--no-such'"],
])('deis-server %j ends with %i', async (argv, code, text) => {
  const lines: string[] = []
  const write = (line: string): void => void lines.push(line)
  expect(await run(argv, { out: write, err: write, env: {}, signal: new AbortController().signal })).toBe(code)
  expect(lines.join('\n')).toContain(text)
})

test('doctor prints its checks as JSON, and its exit code says whether something is broken', async () => {
  const lines: string[] = []
  const write = (line: string): void => void lines.push(line)
  const code = await run(['doctor', '--json'], {
    out: write,
    err: write,
    env: {},
    signal: new AbortController().signal,
  })
  const { checks } = JSON.parse(lines.join('\n')) as { checks: Check[] }
  expect(checks.map(({ name }) => name)).toContain('port 443')
  expect(code).toBe(checks.some(({ concern }) => concern === 'broken') ? 1 : 0)
})
