// Is what the kernel and the system print read as it is meant?
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { engineHere, engineOf } from './engine.ts'
import { isOfContainers, memoryOf, readFacts, systemOf } from './facts.ts'
import { listenersOn, socketsOf, socketUnitOf, unitOf } from './listeners.ts'

const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode'
const line = (address: string, state: string, inode: number): string =>
  `   0: ${address} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0000 100 0 0 10 0`

test.each([
  ['00000000:0050', '0A', [{ port: 80, local: false, inode: '7' }]],
  ['0100007F:1F40', '0A', [{ port: 8000, local: true, inode: '7' }]],
  ['3500007F:0035', '0A', [{ port: 53, local: true, inode: '7' }]],
  ['00000000000000000000000000000000:01BB', '0A', [{ port: 443, local: false, inode: '7' }]],
  ['00000000000000000000000001000000:08AE', '0A', [{ port: 2222, local: true, inode: '7' }]],
  ['0000000000000000FFFF00000100007F:08AE', '0A', [{ port: 2222, local: true, inode: '7' }]],
  ['0000000000000000FFFF00000100000A:08AE', '0A', [{ port: 2222, local: false, inode: '7' }]],
  // A connection, not a listener.
  ['0100007F:1F40', '01', []],
])('socket %s in state %s', (address, state, expected) => {
  expect(socketsOf(`${head}\n${line(address, state, 7)}\n`)).toEqual(expected)
})

test.each([
  ['Docker 20.10', '{"Components":[{"Name":"Engine"}],"Version":"20.10.24+dfsg1","ApiVersion":"1.41"}', '20.10.24'],
  ['Docker 29', '{"Components":[{"Name":"Engine"}],"Version":"29.1.3","ApiVersion":"1.52"}', '29.1.3'],
  [
    'Docker 19.03, which is too old',
    '{"Components":[{"Name":"Engine"}],"Version":"19.03.8","ApiVersion":"1.40"}',
    null,
  ],
  ['Podman', '{"Components":[{"Name":"Podman Engine"}],"Version":"4.3.1","ApiVersion":"1.41"}', null],
  ["Podman's own docker command", '{"APIVersion":"4.3.1","Version":"4.3.1"}', null],
  ['none', '', null],
  ['none, as JSON', 'null', null],
])('%s is an engine for apps: %#', (_, text, expected) => {
  expect(engineOf(text)).toBe(expected)
})

test('an engine is asked at its socket', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'deis-engine-'))
  const path = join(folder, 'docker.sock')
  const said = { Components: [{ Name: 'Engine' }], Version: '28.0.1', ApiVersion: '1.48' }
  const engine = createHttpServer((_, response) => response.end(JSON.stringify(said)))
  try {
    expect(await engineHere(path)).toBe(null)
    await new Promise<void>((listening) => engine.listen(path, listening))
    expect(await engineHere(path)).toBe('28.0.1')
  } finally {
    engine.close()
    await rm(folder, { recursive: true })
  }
})

test.each([
  ['docker0', true],
  ['br-0123456789ab', true],
  ['deis-2fe5f6f3', true],
  ['br0', false],
  ['br-lan', false],
  ['eth0', false],
])('interface %s is one of containers only: %s', (name, expected) => {
  expect(isOfContainers(name)).toBe(expected)
})

test('a listener is found with its program', async () => {
  const server = createServer()
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as { port: number }
  try {
    const [found] = await listenersOn([port])
    expect(found).toMatchObject({ port, local: true })
    expect(found?.program).toContain(`(pid ${process.pid})`)
  } finally {
    server.close()
  }
})

test.each([
  ['0::/system.slice/deis-router.service\n', 'deis-router.service'],
  ['9:name=systemd:/system.slice/nginx.service\n8:pids:/\n', 'nginx.service'],
  ['0::/user.slice/user-0.slice/session-1.scope\n', null],
  ['0::/system.slice/a.service.d/x\n', null],
])('unit of %j', (cgroups, unit) => {
  expect(unitOf(cgroups)).toBe(unit)
})

test('memory and the name of the system', () => {
  expect(memoryOf('MemTotal:        2048 kB\nMemFree: 1 kB\nMemAvailable:    1024 kB\nSwapTotal:  0 kB\n')).toEqual({
    total: 2_097_152,
    available: 1_048_576,
    swap: 0,
  })
  expect(systemOf('NAME=x\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')).toBe('Debian GNU/Linux 12 (bookworm)')
  expect(systemOf('')).toBe('Linux')
})

test('the disk of a folder that does not exist is that of the nearest one that does', async () => {
  const { disks, memory } = await readFacts(['/', '/no/such/folder'])
  expect(disks[1]).toEqual({ ...disks[0], path: '/no/such/folder', free: expect.any(Number) as number })
  expect(memory.total).toBeGreaterThan(0)
})

test.each([
  [80, 'deis-router.socket'],
  [443, 'deis-router.socket'],
  [22, 'ssh.socket'],
  [8, null],
])('who waits for connections on port %d, of what systemd lists', (port, unit) => {
  const list = `[::]:80 deis-router.socket deis-router.service
10.0.0.1:443 deis-router.socket deis-router.service
22 ssh.socket ssh.service
/run/dbus/system_bus_socket dbus.socket dbus.service
`
  expect(socketUnitOf(list, port)).toBe(unit)
})
