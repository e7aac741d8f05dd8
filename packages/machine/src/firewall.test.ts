// Who reaches the port of an app, on this machine and from another one?
import { execFile, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Firewall, noFirewall, openFirewall, tableName } from './firewall.ts'

const run = promisify(execFile)
const path = '/usr/sbin:/usr/bin:/sbin:/bin'
const has = (command: string, ...args: string[]): boolean =>
  spawnSync(command, args, { env: { PATH: path }, stdio: 'ignore' }).status === 0
const root = process.getuid?.() === 0
const able = root && has('nft', 'list', 'tables') && has('setpriv', '--version')
const networks = able && has('ip', 'netns', 'list')
const [owner, stranger] = [59_991, 59_992]

/** What a program that connects to the address sees, as some user: `open`, or the error. */
async function tries(host: string, port: number, before: readonly string[]): Promise<string> {
  const program = `const s = require('node:net').connect({ host: '${host}', port: ${port}, timeout: 1500 });
    const end = (word) => { console.log(word); process.exit() };
    s.on('connect', () => end('open')).on('error', (e) => end(e.code)).on('timeout', () => end('silence'))`
  const { stdout } = await run(
    before[0] ?? process.execPath,
    [...before.slice(1), ...(before.length > 0 ? [process.execPath] : []), '-e', program],
    { env: { PATH: path }, cwd: '/' },
  )
  return stdout.trim()
}
const as = (uid: number): string[] => ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups']

describe.skipIf(!able)('closed ports (as root, with nft and setpriv)', () => {
  let folder = ''
  let firewall: Firewall = noFirewall('')
  let server = createServer()
  let port = 0
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'deis-firewall-'))
    server = createServer((socket) => socket.end()).listen(0, '0.0.0.0')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
    const failed = (error: unknown): void => expect.fail(String(error))
    firewall = await openFirewall({ folder, path, ports: { first: port, last: port }, failed, slow() {} })
  })
  afterEach(async () => {
    await firewall.remove()
    server.close()
    await rm(folder, { recursive: true })
  })

  test('a router with a user of its own reaches it', async () => {
    const failed = (error: unknown): void => expect.fail(String(error))
    const ports = { first: port, last: port }
    const withRouter = await openFirewall({ folder, path, ports, failed, slow() {}, routerUser: String(stranger) })
    expect(withRouter.active).toBe(true)
    await withRouter.guard([{ port, uid: owner }])
    expect(await tries('127.0.0.1', port, as(stranger))).toBe('open')
    expect(await tries('127.0.0.1', port, as(stranger + 1))).toBe('ECONNREFUSED')
    const withNobody = await openFirewall({ folder, path, ports, failed, slow() {}, routerUser: 'no-such-user' })
    expect(withNobody).toMatchObject({ active: false, reason: expect.stringContaining('no-such-user') as string })
  })

  test('the platform and the own app reach it, another app does not', async () => {
    expect(await tries('127.0.0.1', port, as(stranger))).toBe('open')
    await firewall.guard([{ port, uid: owner }])
    expect(await tries('127.0.0.1', port, [])).toBe('open')
    expect(await tries('127.0.0.1', port, as(owner))).toBe('open')
    expect(await tries('127.0.0.1', port, as(stranger))).toBe('ECONNREFUSED')
  })

  test('without a user of its own only the platform reaches it', async () => {
    await firewall.guard([{ port, uid: null }])
    expect(await tries('127.0.0.1', port, [])).toBe('open')
    expect(await tries('127.0.0.1', port, as(owner))).toBe('ECONNREFUSED')
  })

  test('a port that is no longer listed is open, as every port is when the platform has stopped', async () => {
    await firewall.guard([{ port, uid: owner }])
    await firewall.guard([])
    expect(await tries('127.0.0.1', port, as(stranger))).toBe('open')
    await firewall.guard([{ port, uid: owner }])
    await firewall.remove()
    expect(await tries('127.0.0.1', port, as(stranger))).toBe('open')
    expect(has('nft', 'list', 'table', 'inet', tableName(folder))).toBe(false)
  })

  test('many changes at once end with the last one', async () => {
    const lists = Array.from({ length: 50 }, (_, index) => [{ port: index === 49 ? port : 1024 + index, uid: owner }])
    await Promise.all(lists.map((list) => firewall.guard(list)))
    expect(await tries('127.0.0.1', port, as(stranger))).toBe('ECONNREFUSED')
  })

  test('two platforms do not disturb each other', async () => {
    await firewall.guard([{ port, uid: owner }])
    const other = await openFirewall({
      folder: `${folder}-2`,
      path,
      ports: { first: port, last: port },
      failed() {},
      slow() {},
    })
    await other.guard([])
    await other.remove()
    expect(await tries('127.0.0.1', port, as(stranger))).toBe('ECONNREFUSED')
  })

  test.skipIf(!networks)('another machine (a network namespace, with ip) does not reach it', async () => {
    const name = `deis-${process.pid}`
    // A link of this test's own, between addresses that are for documentation only.
    const ip = async (...args: string[]): Promise<unknown> => run('ip', args, { env: { PATH: path } })
    const inside = ['ip', 'netns', 'exec', name]
    await ip('netns', 'add', name)
    try {
      await ip('link', 'add', `dv${process.pid}`, 'type', 'veth', 'peer', 'name', 'peer', 'netns', name)
      await ip('addr', 'add', '198.51.100.1/30', 'dev', `dv${process.pid}`)
      await ip('link', 'set', `dv${process.pid}`, 'up')
      await ip('-n', name, 'addr', 'add', '198.51.100.2/30', 'dev', 'peer')
      await ip('-n', name, 'link', 'set', 'peer', 'up')
      expect(await tries('198.51.100.1', port, inside)).toBe('open')
      await firewall.guard([{ port, uid: owner }])
      expect(await tries('198.51.100.1', port, inside)).toBe('silence')
    } finally {
      await ip('netns', 'del', name)
      await ip('link', 'del', `dv${process.pid}`).catch(() => {})
    }
  })
})

test.skipIf(root)('an ordinary user is told what to close', async () => {
  const options = { folder: tmpdir(), path, ports: { first: 10_000, last: 20_000 }, failed() {}, slow() {} }
  const { active, reason } = await openFirewall(options)
  expect(active).toBe(false)
  expect(reason).toContain('close ports 10000 to 20000 to other machines')
})

test.skipIf(!root)('without nft the reason names it, and nothing is waited for afterwards', async () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const before = timers()
  const { active, reason } = await openFirewall({
    folder: tmpdir(),
    path: '/nonexistent',
    ports: { first: 10_000, last: 20_000 },
    failed() {},
    slow() {},
    systemFolders: [],
  })
  expect(active).toBe(false)
  expect(reason).toContain('nft is not installed')
  expect(timers()).toBe(before)
})

/** Like a kernel that loads a module for each of these words, the first time that it meets one. */
const slowNft = (folder: string): string => `#!/bin/sh
cat > '${folder}/input'
for word in @ports reject; do
  grep -q "$word" '${folder}/input' || continue
  [ -e "${folder}/$word" ] || { touch "${folder}/$word"; sleep 0.7; }
done
`

test.skipIf(!root)('a kernel that is slow to load its modules is waited for once, and that is said', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'deis-firewall-'))
  await writeFile(join(folder, 'nft'), slowNft(folder), { mode: 0o755 })
  const said: number[] = []
  const firewall = await openFirewall({
    folder,
    path: `${folder}:${path}`,
    ports: { first: 10_000, last: 20_000 },
    failed: (error) => expect.fail(String(error)),
    slow: (seconds) => said.push(seconds),
    times: { first: 60_000, later: 1_000, said: 100 },
  })
  try {
    expect(firewall).toMatchObject({ active: true })
    await firewall.guard([{ port: 10_000, uid: owner }])
    expect(said).toEqual([60])
  } finally {
    await firewall.remove()
    await rm(folder, { recursive: true })
  }
})
