// Can a person watch an app and a build as they go on, and end a build, with the real program on one machine?
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Build } from '@deis/types'
import { describe, expect, test } from 'vitest'
import { type Checkout, newApp } from './app.ts'
import { type Running, start } from './child.ts'
import type { Person } from './client.ts'
import { type Barrier, heldBuild, newBarrier } from './barrier.ts'
import { callApi } from './http.ts'
import { type Platform, root } from './platform.ts'
import { processesAround } from './processes.ts'
import { until } from './until.ts'
import { withApp } from './with-app.ts'

let platform: Platform
let ann: Person
let shop: Checkout
let barrier: Barrier

withApp(async (given) => {
  ;({ platform, ann, shop } = given)
  await shop.deploy()
  barrier = await newBarrier(platform, 'build')
})

/** The deis command in a second terminal. */
function terminal(...words: string[]): Running {
  const deis = join(root, 'dist/cli/deis.js')
  return start(process.execPath, [deis, ...words], { cwd: shop.folder, env: ann.env, seconds: 120 })
}

async function builds(): Promise<Build[]> {
  const { body } = await callApi(platform, await ann.token(), 'GET', '/v2/apps/shop/builds/?all=1')
  return (JSON.parse(body) as { results: Build[] }).results
}

async function buildProcesses(): Promise<unknown[]> {
  return (await processesAround(platform.dataDir)).filter(({ env }) => env['DEIS_BUILD'] !== undefined)
}

describe.sequential('logs -f', () => {
  test('goes on over a release, a scale and a restart of the controller, and ends at Ctrl-C', async () => {
    const both = terminal('logs', '-f')
    const web = terminal('logs', '-f', '--ptype', 'web', '-n', '1')
    await both.says('listening in v2')
    await web.says('listening in v2')
    await shop.does('config:set', 'A=1')
    for (const one of [both, web]) await one.says('listening in v3')
    await shop.does('scale', 'web=2')
    await both.says('INFO ann scaled pods')
    await platform.endController('SIGTERM')
    for (const one of [both, web]) await one.says('reconnecting...')
    await platform.startController()
    for (const one of [both, web]) await one.says('Reconnected.')
    await shop.does('config:set', 'A=2')
    for (const one of [both, web]) await one.says('listening in v4')
    // Every line that there is, and each once.
    const sorted = (text: string): string[] => text.split('\n').filter(Boolean).toSorted()
    const noise = /^(The connection|Reconnected)/
    await until({ what: 'the same as in the log' }, async () => {
      const log = await shop.does('logs', '-n', '1000')
      expect(sorted(both.output()).filter((line) => !noise.test(line))).toEqual(sorted(log))
      return true
    })
    for (const one of [both, web]) one.signal('SIGINT')
    const [all, typed] = await Promise.all([both.ended, web.ended])
    expect([all.code, typed.code]).toEqual([130, 130])
    for (const { stderr } of [all, typed])
      expect(stderr).toMatch(
        /^The connection to the controller was lost \([^)]+\); reconnecting\.\.\.\nReconnected\.\n$/,
      )
    const ofWeb = / app\[web\.v\d+\.[a-z0-9]{5}\]: /
    expect(sorted(typed.stdout).filter((line) => !ofWeb.test(line))).toEqual([])
    expect(sorted(typed.stdout).slice(1)).toEqual(
      sorted(all.stdout)
        .filter((line) => ofWeb.test(line))
        .slice(-sorted(typed.stdout).length + 1),
    )
  })

  test('ends by itself when the app is destroyed', async () => {
    const tea = await newApp(ann, 'tea')
    const watching = terminal('logs', '-f', '-a', 'tea')
    await watching.says('created initial release')
    await tea.does('destroy', '--confirm=tea')
    const { code, stdout, stderr } = await watching.ended
    expect([code, stdout]).toEqual([0, expect.stringMatching(/INFO deleting environment\n$/)])
    expect(stderr).toMatch(/\n"tea" was destroyed\.\n$/)
  })
})

describe.sequential('a build that goes on', () => {
  test('is watched from a second terminal until its release runs', async () => {
    await barrier.close()
    await shop.commit(heldBuild(barrier))
    const push = shop.startPush()
    await barrier.arrived()
    const watching = terminal('builds:logs', '-f')
    await watching.says('Starting build... but first, coffee!')
    await barrier.open()
    expect((await push.ended).code).toBe(0)
    const { code, stdout, stderr } = await watching.ended
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain('Done, shop:v5 deployed to Workflow\n')
    expect(stdout.replaceAll(/^\.\.\.\n/gm, '')).toBe(await shop.does('builds:logs'))
  })

  test('is cancelled: nothing of it runs on, its push is declined, and the next one is taken', async () => {
    await barrier.close()
    const sha = await shop.commit({ file: 'more' })
    const push = shop.startPush()
    await barrier.arrived()
    const watching = terminal('builds:logs', '-f')
    await watching.says('Starting build... but first, coffee!')
    const [build] = await builds()
    expect(build).toMatchObject({ status: 'running', sha: sha.slice(0, 8) })
    expect(await shop.does('builds:cancel')).toBe(`Cancelling build ${build?.uuid}... done\n`)
    expect(await buildProcesses()).toEqual([])
    expect((await builds())[0]).toMatchObject({ uuid: build?.uuid, status: 'canceled' })
    // At once: the answer came when the next push can begin.
    const next = shop.startPush()
    const declined = await push.ended
    expect(declined.code).toBe(1)
    expect(declined.stderr).toContain('remote: ann cancelled this build; nothing was changed.')
    expect(declined.stderr).toContain(' ! [remote rejected] master -> master (pre-receive hook declined)\n')
    const watched = await watching.ended
    expect(watched).toMatchObject({ code: 1, stderr: `Build ${build?.uuid} ended with the status "canceled".\n` })
    expect(watched.stdout).toMatch(/\nann cancelled this build; nothing was changed\.\n$/)
    await barrier.open()
    expect((await next.ended).code).toBe(0)
    // No push waits for that.
    await expect.poll(() => readdir(join(platform.dataDir, 'builder/builds')), { timeout: 10_000 }).toEqual([])
    const late = await shop.deis('builds:cancel', build?.uuid ?? '')
    expect([late.code, late.stderr]).toEqual([
      1,
      `Error: Build "${build?.uuid}" is no longer running: it was already cancelled.\n`,
    ])
    expect(await shop.deis('builds:cancel')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^Error: No build of "shop" is running\.\n/) as string,
    })
  })

  test('that dies with its controller ends for the clients that follow it', async () => {
    await barrier.close()
    await shop.commit({ file: 'even more' })
    const push = shop.startPush()
    await barrier.arrived()
    const watching = terminal('builds:logs', '-f')
    await watching.says('Starting build... but first, coffee!')
    await platform.endController('SIGKILL')
    await watching.says('reconnecting...')
    await platform.startController()
    expect((await push.ended).code).not.toBe(0)
    expect(await watching.ended).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/Reconnected\.\nBuild \S+ ended with the status "abandoned"\.\n$/) as string,
    })
  })
})
