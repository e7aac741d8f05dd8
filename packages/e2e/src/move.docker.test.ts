// Does an app move from processes of a machine to containers of a Docker Engine, and back?
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Checkout, newApp, newCheckout, settings } from './app.ts'
import { type Person, registered } from './client.ts'
import { containersOf, type EnginePlatform, startOnDocker, testEngine } from './engine.ts'
import { self, serving } from './http.ts'
import { type Platform, startPlatform } from './platform.ts'
import { soon } from './with-app.ts'

describe.skipIf(testEngine === null).sequential('between a machine and a Docker Engine', () => {
  let machine: Platform
  let engine: EnginePlatform
  let ann: Person
  let eve: Person
  let shop: Checkout
  let name: string
  beforeAll(async () => {
    ;[machine, engine] = await Promise.all([startPlatform(soon), startOnDocker()])
    ;[ann, eve] = await Promise.all([registered(machine, 'ann'), registered(engine, 'eve')])
    name = engine.name('shop')
    shop = await newApp(ann, 'shop')
    await shop.deploy(settings({ message: 'moved' }))
    await shop.does('config:set', 'GREETING=hello')
  })
  afterAll(async () => {
    await machine?.stop()
    await engine?.stop()
  })

  /** As a person would carry it, from one home to the other. */
  async function moved(by: Person, app: string, to: Person): Promise<string> {
    const file = `${app}.tar`
    await by.does(['apps:export', '-a', app, '-o', file])
    const there = join(to.home, file)
    await cp(join(by.home, file), there)
    return there
  }

  test('a slug is built again as an image, and serves there with its releases', async () => {
    const file = await moved(ann, 'shop', eve)
    const { code, stdout, stderr } = await eve.deis(['apps:import', file, '-a', name])
    expect([code, stdout, stderr]).toEqual([
      0,
      `Importing ${file}... done, ${name} is at v4\n`,
      `Note: it was built here. The docker scheduler runs images, not slugs.\nNote: to push to it from a checkout: deis git:remote -a ${name}\n`,
    ])
    expect(await self(engine, name)).toMatchObject({ message: 'moved', greeting: 'hello', release: 'v4' })
    expect(await containersOf(name)).toHaveLength(1)
    const back = await eve.deis(['rollback', 'v3', '-a', name])
    expect([back.code, back.stderr]).toEqual([1, expect.stringContaining('its build was left behind')])
    await eve.does(['config:set', 'GREETING=bonjour', '-a', name])
    await serving(engine, name, { greeting: 'bonjour', release: 'v5' })
    await eve.does(['rollback', 'v4', '-a', name])
    await serving(engine, name, { greeting: 'hello', release: 'v6' })
  })

  test('and comes back, built again as a slug', async () => {
    const file = await moved(eve, name, ann)
    await ann.does(['apps:import', file, '-a', 'back'])
    expect(await self(machine, 'back')).toMatchObject({ message: 'moved', greeting: 'hello', release: 'v7' })
  })

  test('what a machine cannot run is refused before anything changes', async () => {
    const app = engine.name('image')
    const tea = await newCheckout(eve, app, {
      Dockerfile: `FROM ${engine.registry}/busybox:1\nEXPOSE 7070\nCMD ["httpd", "-f", "-p", "7070", "-h", "/bin"]\n`,
    })
    await tea.does('create', app)
    await tea.deploy()
    const file = await moved(eve, app, ann)
    const { code, stderr } = await ann.deis(['apps:import', file])
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('it is built from a Dockerfile, and the process scheduler runs no images'),
    ])
    expect(await ann.does(['apps'])).not.toContain(app)
  })
})
