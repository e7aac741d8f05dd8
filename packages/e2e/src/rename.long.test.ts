// Does an app get another name without a failed request, and is it one app when its controller is killed meanwhile?
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { type Checkout, settings } from './app.ts'
import type { Person } from './client.ts'
import { ask, self, serving } from './http.ts'
import { startLoad } from './load.ts'
import type { Platform } from './platform.ts'
import { processesAround } from './processes.ts'
import { until } from './until.ts'
import { withApp } from './with-app.ts'

let platform: Platform
let ann: Person
let shop: Checkout

withApp(async (given) => {
  ;({ platform, ann, shop } = given)
  await shop.deploy()
  await shop.does('config:set', 'GREETING=hello')
  await shop.does('domains:add', 'keep')
})

const running = async (): Promise<string[]> => {
  const pods = (await processesAround(platform.dataDir)).map(({ env }) => env['DEIS_POD'])
  return [...new Set(pods.filter((name) => name !== undefined))]
}

describe.sequential('an app that is renamed', () => {
  test('is served all the time, under another name that it has and under one of its names', async () => {
    const load = startLoad(platform, 'keep')
    const { code, stdout, stderr } = await shop.deis('rename', 'store')
    expect([code, stdout, stderr]).toEqual([
      0,
      'Renaming shop to store... done\nGit remote deis now points to app store.\n',
      '',
    ])
    expect(await load.stop(500)).toEqual([])
    expect(await self(platform, 'store')).toMatchObject({ message: 'hello', greeting: 'hello', release: 'v3' })
    expect((await ask(platform, 'shop')).status).toBe(404)
    expect(await running()).toEqual([expect.stringMatching(/^store-web-/) as string])
    // The folder and its history are those of the app as before.
    expect(await shop.does('releases')).toMatch(/^=== store Releases\nv3\t/)
    await shop.deploy(settings({ message: 'two' }))
    await serving(platform, 'store', { message: 'two', greeting: 'hello', release: 'v4' })
    await shop.does('rollback', 'v3')
    await serving(platform, 'store', { message: 'hello', release: 'v5' })
    expect(await ann.does(['apps'])).toBe('=== Apps\nstore\n')
  })

  test('is one app with everything of it, whenever the controller is killed', async () => {
    let name = 'store'
    for (const afterMs of [30, 120, 250, 400, 700, 1_200]) {
      const next = name === 'store' ? 'shop' : 'store'
      const renaming = ann.deis(['apps:rename', next, '-a', name])
      await sleep(afterMs)
      await platform.endController('SIGKILL')
      await platform.startController()
      // The client asks how it ended, and may send it again.
      await renaming
      const left = await until({ what: 'one app is left, with its processes' }, async () => {
        const [, ...names] = (await ann.does(['apps'])).trimEnd().split('\n')
        const pods = await running()
        return names.length === 1 && pods.length === 1 && pods[0]?.startsWith(`${names[0]}-web-`) ? names : false
      })
      name = left[0] ?? ''
      expect(['store', 'shop']).toContain(name)
      await serving(platform, name, { message: 'hello', greeting: 'hello', release: 'v5' })
      await serving(platform, 'keep', { greeting: 'hello' })
      expect(await ann.does(['domains', '-a', name])).toBe(`=== ${name} Domains\nkeep\n${name}\n`)
      // The history is there: nothing has to be pushed.
      await ann.does(['git:remote', '--force', '-a', name], { cwd: shop.folder })
      expect((await shop.push()).stderr).toContain('Everything up-to-date')
    }
  })
})
