// What is lost when the controller is killed at a bad moment? Nothing.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Build, Pod, Release } from '@deis/types'
import { describe, expect, test } from 'vitest'
import { type Checkout, settings } from './app.ts'
import type { Person } from './client.ts'
import { heldBuild, newBarrier } from './barrier.ts'
import { ask, callApi, pidsOf, self, serving } from './http.ts'
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
})

/** Processes of apps and builds, by what the platform calls them; nothing may run that is in no list. */
async function running(variable: 'DEIS_POD' | 'DEIS_BUILD'): Promise<string[]> {
  const found = (await processesAround(platform.dataDir)).map(({ env }) => env[variable])
  return [...new Set(found.filter((name) => name !== undefined))].toSorted()
}

async function results<T>(app: Checkout, what: string): Promise<T[]> {
  const { status, body } = await callApi(platform, await ann.token(), 'GET', `/v2/apps/${app.app}/${what}`)
  if (status !== 200) throw new Error(`${what} answers ${status}: ${body}`)
  return (JSON.parse(body) as { results: T[] }).results
}

/** Names of the processes that `deis ps` shows as up. */
async function listed(app: Checkout): Promise<string[]> {
  const pods = await results<Pod>(app, 'pods/')
  return pods
    .filter(({ state }) => state === 'up')
    .map(({ name }) => name)
    .toSorted()
}

async function buildStates(app: Checkout): Promise<(string | undefined)[]> {
  return (await results<Build>(app, 'builds/?all=1')).map(({ status }) => status)
}

/** Folders of processes, without the state file. */
async function podFolders(app: string): Promise<string[]> {
  const found = await readdir(join(platform.dataDir, 'ps/pods', app), { withFileTypes: true })
  return found
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .toSorted()
}

/** Exactly what is listed runs and has a folder; no build runs or lies about; the numbers have no gap. */
async function expectOrder(app: Checkout): Promise<void> {
  await until({ what: 'only what is listed runs' }, async () => {
    const names = await listed(app)
    expect(await running('DEIS_POD')).toEqual(names)
    expect(await podFolders(app.app)).toEqual(names)
    // No push waits until the files of its build are deleted.
    expect(await readdir(join(platform.dataDir, 'builder/builds'))).toEqual([])
    return true
  })
  expect(await running('DEIS_BUILD')).toEqual([])
  const numbers = (await results<Release>(app, 'releases/')).map(({ version }) => version)
  expect(numbers).toEqual(numbers.map((_, index) => numbers.length - index))
  expect(await buildStates(app)).not.toContain('running')
}

describe.sequential('kill -9 of the controller', () => {
  test('while nothing happens: the same processes serve on, during and after', async () => {
    await shop.does('scale', 'web=2')
    const pids = await pidsOf(platform, 'shop', 2)
    expect(pids).toHaveLength(2)
    await platform.endController('SIGKILL')
    expect(await pidsOf(platform, 'shop', 2)).toEqual(pids)
    await platform.startController()
    expect(await pidsOf(platform, 'shop', 2)).toEqual(pids)
    await expectOrder(shop)
    expect(await pidsOf(platform, 'shop', 2)).toEqual(pids)
    await shop.does('scale', 'web=1')
    await serving(platform, 'shop', { release: 'v2' })
    await expectOrder(shop)
  })

  test('during a build: the push fails, the build is over, the app as before; the same push works then', async () => {
    const before = await self(platform, 'shop')
    const barrier = await newBarrier(platform, 'build')
    await shop.commit({ ...heldBuild(barrier), ...settings({ message: 'built twice' }) })
    const push = shop.startPush()
    await barrier.arrived()
    expect(await running('DEIS_BUILD')).toHaveLength(1)
    await platform.endController('SIGKILL')
    expect((await push.ended).code).not.toBe(0)
    expect(await self(platform, 'shop')).toEqual(before)
    await platform.startController()
    await expectOrder(shop)
    expect(await buildStates(shop)).toEqual(['abandoned', 'succeeded'])
    expect(await self(platform, 'shop')).toEqual(before)
    await barrier.open()
    expect(await shop.push()).toMatchObject({ code: 0 })
    await serving(platform, 'shop', { message: 'built twice', release: 'v3' })
    await expectOrder(shop)
  })

  test('during a deploy by push: it is carried on, and the same push works then', async () => {
    const barrier = await newBarrier(platform, 'deploy')
    await barrier.open()
    await shop.does('config:set', `BARRIER=${barrier.path}`)
    const before = await serving(platform, 'shop', { release: 'v4' })
    await barrier.close()
    await shop.commit(settings({ message: 'carried on' }))
    const push = shop.startPush()
    await barrier.arrived()
    await platform.endController('SIGKILL')
    expect((await push.ended).code).not.toBe(0)
    expect(await self(platform, 'shop')).toEqual(before)
    await barrier.close()
    await platform.startController()
    // Of the new release again, started by the new controller; the old one still serves.
    await barrier.arrived()
    expect(await self(platform, 'shop')).toEqual(before)
    await barrier.open()
    await serving(platform, 'shop', { release: 'v5', message: 'carried on' })
    await expectOrder(shop)
    expect(await shop.push()).toMatchObject({ code: 0 })
    await serving(platform, 'shop', { message: 'carried on', release: 'v6' })
    await expectOrder(shop)
  })

  test('during a deploy by config: it is carried on, and the command waits for that', async () => {
    const barrier = await newBarrier(platform, 'config')
    await shop.does('config:unset', 'BARRIER')
    const set = shop.deis('config:set', `BARRIER=${barrier.path}`, 'GREETING=survived')
    await barrier.arrived()
    await platform.endController('SIGKILL')
    await serving(platform, 'shop', { greeting: null, release: 'v7' })
    await barrier.open()
    await platform.startController()
    await serving(platform, 'shop', { release: 'v8', greeting: 'survived' })
    expect(await set).toMatchObject({ code: 0, stdout: expect.stringContaining('GREETING      survived\n') as string })
    await expectOrder(shop)
  })

  test('during a one-off command: it does not outlive the controller', async () => {
    const barrier = await newBarrier(platform, 'run')
    const command = `: > ${barrier.path}.$DEIS_POD; sleep 300`
    const once = shop.deis('run', '--', command)
    await barrier.arrived()
    await platform.endController('SIGKILL')
    expect(await once).toMatchObject({ code: 1 })
    await platform.startController()
    await until({ what: 'the command is gone' }, async () =>
      (await processesAround(platform.dataDir)).every((one) => !one.command.includes('sleep 300')),
    )
    await expectOrder(shop)
  })

  test('three times in a row just after it started', async () => {
    const before = await self(platform, 'shop')
    await platform.endController('SIGKILL')
    for (let times = 0; times < 3; times++) {
      await platform.startController()
      await platform.endController('SIGKILL')
    }
    await platform.startController()
    await expectOrder(shop)
    expect(await self(platform, 'shop')).toEqual(before)
  })
})

describe.sequential('an app whose process dies', () => {
  test('is started again, by a controller that was killed as well', async () => {
    const { pid } = await self(platform, 'shop')
    await platform.endController('SIGKILL')
    process.kill(pid, 'SIGKILL')
    await platform.startController()
    await until({ what: 'another process serves' }, async () => (await self(platform, 'shop')).pid !== pid)
    await expectOrder(shop)
  })
})

describe.sequential('a stop in order', () => {
  test('TERM leaves the apps alone, INT ends every process, and the next start brings them back', async () => {
    const before = await self(platform, 'shop')
    await platform.endController('SIGTERM')
    expect(await self(platform, 'shop')).toEqual(before)
    await platform.startController()
    await expectOrder(shop)
    expect(await self(platform, 'shop')).toEqual(before)
    await platform.endController('SIGINT')
    expect(await running('DEIS_POD')).toEqual([])
    expect(await ask(platform, 'shop')).toMatchObject({
      status: expect.toSatisfy((code: number) => code >= 500) as number,
    })
    await platform.startController()
    // One answer serves for both: the new process may have the old one's port, where the router still sends requests until it has
    // the routes of the controller, which at first knows of no process.
    expect((await serving(platform, 'shop', { release: before.release })).pid).not.toBe(before.pid)
    await expectOrder(shop)
  })

  test('a second controller on the same folder refuses, and names the first', async () => {
    const { code, said } = await platform.secondController()
    expect(code).toBe(1)
    expect(said).toContain(`in use by the controller with pid ${platform.controllerPid}`)
    await serving(platform, 'shop', { greeting: 'survived' })
  })
})
