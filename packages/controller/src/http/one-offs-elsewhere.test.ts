// Are one-off processes ended that go on at another controller, whose pods this one does not see?
import { afterEach, beforeEach, expect, it } from 'vitest'
import { appRow } from '../domain/releases/converge.ts'
import type { Core } from '../domain/core.ts'
import { createHere } from '../domain/here.ts'
import { runCommand } from '../domain/live/run.ts'
import type { AppRow } from '../domain/apps/rows.ts'
import { watchPeers } from '../domain/releases/start.ts'
import { createMemoryScheduler } from '@deis/ports/testing/memory'
import type { Peers } from '../store/peers.ts'
import { postgresPeers } from '../store/peers-postgresql.ts'
import { type Answer, type Fixture, openFixture } from './fixture.ts'
import { hub } from './hub-testing.ts'

let f: Fixture
let ann: string
let other: Core
let app: AppRow
let ends: (() => unknown)[] = []

/** PostgreSQL's own where that is the database. */
function opener(url: string): (instance: string) => Promise<Peers> {
  const open = hub()
  if (!url.startsWith('postgres')) return async (instance) => open(instance)
  return (instance) =>
    postgresPeers(url, instance, (error) => {
      throw error
    })
}

beforeEach(async () => {
  f = await openFixture()
  await f.user('root')
  ann = await f.user('ann')
  await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
  const body = { image: 'shop:1', procfile: { web: 'serve' } }
  expect((await f.call('POST', '/v2/apps/tea/builds/', body, ann)).status).toBe(201)
  app = (await appRow(f.core, 'tea'))!
  const open = opener(f.core.config.databaseUrl)
  const [here, there] = [await open('here'), await open('there')]
  Object.assign(f.core, { peers: here })
  other = { ...f.core, here: createHere(), peers: there, scheduler: createMemoryScheduler() }
  ends = [watchPeers(f.core), watchPeers(other), () => there.close(), () => here.close()]
})
afterEach(async () => {
  for (const end of ends) await end()
  await f.close()
})

/** Resolves when it runs. */
async function begin(request?: string): Promise<{ name: string; ended: Promise<{ exit_code: number }> }> {
  const never = new AbortController().signal
  let up = (): void => {}
  const running = new Promise<void>((resolve) => {
    up = resolve
  })
  other.scheduler.onChange(() => up())
  const ended = runCommand(other, 'ann', app, 'sleep', never, request)
  await running
  await expect.poll(async () => (await other.scheduler.observe('tea')).map(({ state }) => state)).toEqual(['up'])
  const [pod] = await other.scheduler.observe('tea')
  return { name: pod?.name ?? '', ended }
}

const stop = (name: string): Promise<Answer> => f.call('POST', `/v2/apps/tea/pods/run/${name}/stop/`, undefined, ann)

it.each(['its name', 'its short name', 'what its client calls it'])('by %s', async (how) => {
  const { name, ended } = await begin('client-request-7')
  const called = { 'its name': name, 'its short name': name.slice('tea-'.length) }[how] ?? 'client-request-7'
  expect((await stop(called)).status).toBe(204)
  // When that is answered, nothing of it goes on.
  expect(await other.scheduler.observe('tea')).toEqual([])
  expect(await ended).toMatchObject({ exit_code: 143 })
  expect((await stop(called)).status).toBe(404)
})

it('a process that does not run is a 404', async () => {
  await begin()
  expect((await stop('tea-run-abcde')).status).toBe(404)
  expect((await stop('client-request-8')).status).toBe(404)
  expect(await other.scheduler.observe('tea')).toHaveLength(1)
  ends.unshift(() => other.here.oneOffs.forEach(({ stop: end }) => end('the test')))
})

it('a message that is lost is sent again', async () => {
  const { name, ended } = await begin()
  let lost = 0
  const { notify } = f.core.peers
  const peers: Peers = {
    ...f.core.peers,
    notify: (message) => (message.kind === 'stop' && lost++ === 0 ? undefined : notify(message)),
  }
  Object.assign(f.core, { peers })
  expect((await stop(name)).status).toBe(204)
  expect(lost).toBeGreaterThan(1)
  expect(await ended).toMatchObject({ exit_code: 143 })
})
