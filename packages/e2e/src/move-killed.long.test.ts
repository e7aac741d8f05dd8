// Is nothing left of an app whose import was interrupted by a kill, and can it be imported again?
import { access, cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Checkout, newApp, settings } from './app.ts'
import { heldBuild, newBarrier } from './barrier.ts'
import { type Person, registered } from './client.ts'
import { self } from './http.ts'
import { type Platform, startPlatform } from './platform.ts'
import { until } from './until.ts'
import { soon } from './with-app.ts'

let old: Platform
let fresh: Platform
let ann: Person
let eve: Person
let shop: Checkout

beforeAll(async () => {
  ;[old, fresh] = await Promise.all([startPlatform(soon), startPlatform(soon)])
  ;[ann, eve] = await Promise.all([registered(old, 'ann'), registered(fresh, 'eve')])
  shop = await newApp(ann, 'shop')
})
afterAll(async () => {
  await old?.stop()
  await fresh?.stop()
})

test('a controller that is killed while it imports leaves nothing of the app', async () => {
  const barrier = await newBarrier(fresh, 'import')
  await shop.commit(heldBuild(barrier))
  await barrier.open()
  await shop.deploy(settings({ message: 'third' }))
  await barrier.close()
  const phrase = join(old.folder, 'phrase')
  await writeFile(phrase, 'quite secret\n')
  await shop.does('apps:export', '-o', 'held.tar.age', '--passphrase-file', phrase)
  // As a person would carry it.
  const file = join(eve.home, 'held.tar.age')
  await cp(join(shop.folder, 'held.tar.age'), file)
  const options = ['--app', 'held', '--rebuild', '--passphrase-file', phrase]
  const importing = eve.deis(['apps:import', file, ...options])
  await barrier.arrived()
  await fresh.endController('SIGKILL')
  expect((await importing).code).not.toBe(0)
  await barrier.open()
  await fresh.startController()
  await until(
    { what: 'the name is free again' },
    async () => (await eve.deis(['apps:create', 'held', '--no-remote'])).code === 0,
  )
  await eve.does(['destroy', '-a', 'held', '--confirm=held'])
  await expect(access(join(fresh.dataDir, 'repos', 'held.git'))).rejects.toThrow('ENOENT')
  // What is killed can be done again.
  await eve.does(['apps:import', file, ...options])
  await expect(self(fresh, 'held')).resolves.toMatchObject({ message: 'third' })
})
