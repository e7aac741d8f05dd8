// Does what an app or a build started end when the build is cancelled, the push interrupted, or the whole platform stopped?
import { spawnSync } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Checkout, newApp } from '../app.ts'
import { type Running, start } from '../child.ts'
import { registered } from '../client.ts'
import { cleanEnv, type Platform, removeFolder, root, startPlatform, testFolder } from '../platform.ts'
import { processes, processesAround, shown } from '../processes.ts'
import { until } from '../until.ts'

const able =
  process.getuid?.() === 0 &&
  spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true'], { stdio: 'ignore' }).status === 0

/** Leaves its group and session, and has nothing in its environment: found by its number of seconds only. */
const escapes = (seconds: number): string => `env -i setsid sleep ${seconds} >/dev/null 2>&1 &`
const sleeping = async (seconds: number): Promise<string[]> =>
  (await processes()).map(({ command }) => command).filter((command) => command === `sleep ${seconds}`)
// Nobody else's sleep lasts as long.
const [inBuild, inPod] = [1, 2].map((n) => 60_000 + (process.pid % 4_000) * 4 + n) as [number, number]

describe.skipIf(!able)('a build that is ended before its time (as root, with PID namespaces)', () => {
  let platform: Platform
  let shop: Checkout
  beforeAll(async () => {
    platform = await startPlatform()
    shop = await newApp(await registered(platform, 'ann'), 'shop')
    await shop.commit({ 'bin/pre-compile': `#!/bin/sh\n${escapes(inBuild)}\necho waiting\nsleep 300\n` })
  })
  afterAll(() => platform?.stop())

  /** A push whose build has started something that hides, and waits. */
  const pushing = async (): Promise<Running> => {
    const push = shop.startPush()
    await push.says('waiting')
    await until({ what: 'something hides' }, async () => (await sleeping(inBuild)).length === 1)
    return push
  }

  test('cancelled by deis builds:cancel', async () => {
    for (let round = 0; round < 20; round++) {
      const push = await pushing()
      await shop.does('builds:cancel')
      expect(await sleeping(inBuild)).toEqual([])
      expect((await push.ended).code).toBe(1)
    }
  })

  // It goes on without its client, until it is cancelled.
  test('cancelled after the push was interrupted at its terminal', async () => {
    for (let round = 0; round < 20; round++) {
      const push = await pushing()
      push.signal('SIGINT')
      await push.ended
      expect(await sleeping(inBuild)).toHaveLength(1)
      await shop.does('builds:cancel')
      expect(await sleeping(inBuild)).toEqual([])
    }
  })
})

describe.skipIf(!able)('a platform that is stopped (as root, with PID namespaces)', () => {
  let folder: string
  const started: Running[] = []
  beforeAll(async () => {
    folder = await testFolder()
    await mkdir(join(folder, 'operator'), { mode: 0o700 })
  })
  afterAll(async () => {
    for (const { signal, ended } of started) {
      signal('SIGKILL')
      await ended
    }
    await removeFolder(folder)
  })

  /** As a person does, whose apps are those of the time before. */
  const startAll = async (): Promise<{ readonly running: Running; readonly api: string; readonly git: string }> => {
    const env = {
      ...cleanEnv(),
      HOME: join(folder, 'operator'),
      DEIS_DATA_DIR: join(folder, 'data'),
      DEIS_API_PORT: '0',
      DEIS_GIT_PORT: '0',
      DEIS_ROUTER_PORT: '0',
      KUBERNETES_POD_TERMINATION_GRACE_PERIOD_SECONDS: '2',
    }
    const running = start('npm', ['start', '--prefix', root], { cwd: folder, env, seconds: 150 })
    started.push(running)
    await running.says('Ctrl-C stops everything')
    const said = running.output()
    const api = /^ {2}API +(\S+)$/m.exec(said)?.[1] ?? ''
    return { running, api, git: /^ {2}git +(\S+)\/<app>\.git$/m.exec(said)?.[1] ?? '' }
  }

  test('by TERM and by Ctrl-C, again and again', async () => {
    const first = await startAll()
    const shop = await newApp(await registered({ folder, ...first }, 'ann'), 'shop')
    await shop.deploy({ Procfile: `web: ${escapes(inPod)} exec node server.mjs\n` })
    for (let round = 0, up = first; round < 6; round++) {
      if (round > 0) up = await startAll()
      await until({ what: 'the app has started something' }, async () => (await sleeping(inPod)).length > 0)
      // TERM to npm alone, which hands it on; Ctrl-C goes to all of the terminal.
      if (round % 2 === 0) process.kill(up.running.pid, 'SIGTERM')
      else up.running.signal('SIGINT')
      expect((await up.running.ended).stdout).toContain('deis: stopped')
      expect(await sleeping(inPod)).toEqual([])
      expect(shown(await processesAround(join(folder, 'data')))).toEqual([])
    }
  })
})
