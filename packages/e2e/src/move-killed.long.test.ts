// Is nothing left of an app whose import was interrupted by a kill, and can it be imported again?
import { access, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { settings } from './app.ts'
import { heldBuild, newBarrier } from './barrier.ts'
import { self } from './http.ts'
import { type MoveStage, withMoveStage } from './move-stage.ts'
import { until } from './until.ts'

let stage: MoveStage
withMoveStage((given) => {
  stage = given
})

test('a controller that is killed while it imports leaves nothing of the app', async () => {
  const { old, fresh, eve, shop, moved } = stage
  const barrier = await newBarrier(fresh, 'import')
  await shop.commit(heldBuild(barrier))
  await barrier.open()
  await shop.deploy(settings({ message: 'third' }))
  await barrier.close()
  const phrase = join(old.folder, 'phrase')
  await writeFile(phrase, 'quite secret\n')
  const file = await moved('held.tar.age', '--passphrase-file', phrase)
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
