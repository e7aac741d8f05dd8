// Does nothing that one app does to the processes of another reach them, again and again?
import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Checkout, newApp } from '../app.ts'
import { registered } from '../client.ts'
import { type Platform, startPlatform } from '../platform.ts'
import { processes } from '../processes.ts'

const rounds = 20
const able =
  process.getuid?.() === 0 &&
  spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true'], { stdio: 'ignore' }).status === 0

/** By number, as one who knows them would; at the end all that there is. */
const attack = `for pid in "$@"; do
  kill -9 $pid && echo killed $pid
  kill -STOP $pid && echo stopped $pid
  head -c 1 /proc/$pid/mem && echo memory $pid
  ls /proc/$pid/fd /proc/$pid/root/ && echo files $pid
  renice -n 19 -p $pid && echo slowed $pid
done 2>/dev/null
grep -azl SECRET=of-the-shop /proc/[0-9]*/environ 2>/dev/null && echo secret
echo tried
kill -9 -1 2>/dev/null
true
`

describe.skipIf(!able)('processes of another app (as root, with PID namespaces)', () => {
  let platform: Platform
  let shop: Checkout
  let other: Checkout
  beforeAll(async () => {
    platform = await startPlatform({ KUBERNETES_POD_TERMINATION_GRACE_PERIOD_SECONDS: '2', DEIS_DRAIN_SECONDS: '1' })
    const ann = await registered(platform, 'ann')
    shop = await newApp(ann, 'shop')
    other = await newApp(await registered(platform, 'eve'), 'other')
    await shop.does('config:set', 'SECRET=of-the-shop')
    await shop.deploy()
    await other.deploy({ 'attack.sh': attack })
  })
  afterAll(() => platform?.stop())

  const serversOf = async (app: string): Promise<number[]> =>
    (await processes())
      .filter(
        ({ env, command, cwd }) =>
          env['DEIS_APP'] === app && command.startsWith('node ') && cwd.startsWith(platform.folder),
      )
      .map(({ pid }) => pid)
      .toSorted((a, b) => a - b)

  test('are not seen, read, stopped, slowed or ended', { timeout: 300_000 }, async () => {
    const [shops, others] = [await serversOf('shop'), await serversOf('other')]
    expect([shops.length, others.length]).toEqual([1, 1])
    for (let round = 0; round < rounds; round++) {
      const pids = [...shops, platform.controllerPid, ...others].map(String)
      const { stdout } = await other.deis('run', 'sh', 'attack.sh', ...pids)
      expect([round, stdout.replace(/^Running.*\n/, '')]).toEqual([round, 'tried\n'])
      expect(await serversOf('shop')).toEqual(shops)
      // Its own user's, but in another place.
      expect(await serversOf('other')).toEqual(others)
    }
    const state = (await processes()).filter(({ pid }) => [...shops, platform.controllerPid].includes(pid))
    expect(state).toHaveLength(2)
  })
})
