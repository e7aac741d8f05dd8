// Does everything that an app, a build or a command starts end with it, and does no app see or reach what is another's?
import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Checkout, newApp } from '../app.ts'
import { type Person, registered } from '../client.ts'
import { type Platform, startPlatform } from '../platform.ts'
import { processes } from '../processes.ts'
import { until } from '../until.ts'

const root = process.getuid?.() === 0
const path = '/usr/sbin:/usr/bin:/sbin:/bin'
const has = (command: string, ...args: string[]): boolean =>
  spawnSync(command, args, { env: { PATH: path }, stdio: 'ignore' }).status === 0
const namespaces = root && has('unshare', '--pid', '--fork', '--mount-proc', 'true')
const firewall = namespaces && has('nft', 'list', 'tables')
const times = 20

/** Leaves its group and session, and has nothing in its environment: found by its number of seconds only. */
const escapes = (seconds: number): string => `env -i setsid sleep ${seconds} >/dev/null 2>&1 &`
const mentions = async (text: string): Promise<string[]> =>
  (await processes()).map(({ command }) => command).filter((command) => command.includes(text))
const sleeping = (seconds: number): Promise<string[]> => mentions(`sleep ${seconds}`)

describe.skipIf(!namespaces)('attacks (as root, with PID namespaces)', () => {
  let platform: Platform
  let ann: Person
  let shop: Checkout
  let other: Checkout
  // Nobody else's sleep lasts as long.
  const [inPod, inRun, inBuild, inService] = [1, 2, 3, 4].map((n) => 80_000 + (process.pid % 4_000) * 4 + n) as [
    number,
    number,
    number,
    number,
  ]
  beforeAll(async () => {
    platform = await startPlatform({ KUBERNETES_POD_TERMINATION_GRACE_PERIOD_SECONDS: '2', DEIS_DRAIN_SECONDS: '1' })
    ann = await registered(platform, 'ann')
    shop = await newApp(ann, 'shop')
    other = await newApp(ann, 'other')
    await shop.deploy({ Procfile: `web: ${escapes(inPod)} exec node server.mjs\n` })
    await other.deploy()
  })
  afterAll(() => platform.stop())

  test('what a process started is gone when it is scaled down', async () => {
    for (let time = 0; time < times; time++) {
      await until({ what: 'the process has started something' }, async () => (await sleeping(inPod)).length > 0)
      await shop.does('scale', 'web=0')
      await until({ what: 'all is gone' }, async () => (await sleeping(inPod)).length === 0)
      await shop.does('scale', 'web=1')
    }
  })

  test('what a command started is gone when it has ended', async () => {
    for (let time = 0; time < times; time++) {
      await shop.does('run', `${escapes(inRun)} sleep 0.1; ps ax 2>/dev/null; true`)
      expect(await sleeping(inRun)).toEqual([])
    }
  })

  test('what a failed build started is gone when the push has been declined', async () => {
    await shop.commit({ 'bin/pre-compile': `#!/bin/sh\n${escapes(inBuild)}\nsleep 0.1\nexit 1\n` })
    for (let time = 0; time < times; time++) {
      expect((await shop.push()).code).toBe(1)
      expect(await sleeping(inBuild)).toEqual([])
    }
  })

  test('what a build started that worked is gone as well', async () => {
    await shop.deploy({ 'bin/pre-compile': `#!/bin/sh\n${escapes(inService)}\n` })
    expect(await sleeping(inService)).toEqual([])
  })

  test('nothing of a command is in an argument, and no app sees a process of another', async () => {
    const secret = 'hunter2-7c1f'
    const marked = `sleep 20 # password=${secret}`
    const running = shop.deis('run', marked)
    await until({ what: 'the command runs' }, async () =>
      (await processes()).some(({ command, env }) => command === 'sleep 20' && env['DEIS_APP'] === 'shop'),
    )
    const ours = (await processes()).filter(({ command, cwd }) => command.includes(secret) && cwd !== shop.folder)
    expect(ours).toEqual([])
    const seen = await other.does('run', 'cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr "\\0" "\\n"')
    expect(seen).toContain('DEIS_APP=other')
    expect(seen).not.toContain('DEIS_APP=shop')
    expect(seen).not.toContain('sleep 20')
    const { stdout: listed } = await shop.deis('ps')
    const name = /shop-run-[a-z0-9-]+/.exec(listed)?.[0] ?? ''
    await shop.does('ps:stop', name)
    await running
  })

  test('each process has a folder for its temporary files that is its own', async () => {
    const said = await shop.does('run', 'echo "$TMPDIR"; stat -c "%a %u" "$TMPDIR"; id -u; umask')
    const [folder = '', modes, uid, mask] = said.trim().split('\n').slice(-4)
    expect(modes).toBe(`700 ${uid}`)
    expect(mask).toMatch(/^0?027$/)
    const { code } = await other.deis('run', `ls -d ${folder}`)
    expect(code).not.toBe(0)
  })

  test.skipIf(!firewall)('no app reaches the port of another past the router (with nft)', async () => {
    const port = (await processes()).find(
      ({ env, command, cwd }) =>
        env['DEIS_APP'] === 'shop' && command.startsWith('node ') && cwd.startsWith(platform.folder),
    )?.env['PORT']
    const connect = `node -e 'require("net").connect(${port}, "127.0.0.1").on("connect", () => { console.log("open"); process.exit() }).on("error", (e) => { console.log(e.code) })'`
    expect(await other.does('run', connect)).toContain('ECONNREFUSED')
  })

  test('after destroy no process of the app is left', async () => {
    await until({ what: 'the process has started something' }, async () => (await sleeping(inPod)).length > 0)
    await shop.does('destroy', '--confirm', 'shop')
    expect(await sleeping(inPod)).toEqual([])
    const left = (await processes()).filter(
      ({ env, cwd }) => env['DEIS_APP'] === 'shop' && cwd.startsWith(platform.folder),
    )
    expect(left).toEqual([])
  })
})
