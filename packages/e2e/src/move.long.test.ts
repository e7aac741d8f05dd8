// Does an app move from one installation to another with all it has, and serve there?
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { settings } from './app.ts'
import { self, serving } from './http.ts'
import { type MoveStage, withMoveStage } from './move-stage.ts'

let stage: MoveStage
withMoveStage(async (given) => {
  stage = given
  const { shop } = stage
  await shop.deploy(settings({ message: 'first' }))
  await shop.does('config:set', 'GREETING=hello')
  await shop.does('scale', 'web=2')
  await shop.does('domains:add', 'shop.example.org')
})

test('it serves there with its releases, which go on', async () => {
  const { old, fresh, eve, shop, moved } = stage
  const file = await moved('shop.tar')
  expect((await stat(join(shop.folder, 'shop.tar'))).mode & 0o777).toBe(0o600)
  const again = await shop.deis('apps:export', '-o', 'shop.tar')
  expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('shop.tar exists already')])

  const { stdout, stderr } = await eve.deis(['apps:import', file])
  expect([stdout, stderr]).toEqual([
    `Importing ${file}... done, shop is at v4\n`,
    'Note: to push to it from a checkout: deis git:remote -a shop\n',
  ])
  // The first request after the answer is answered.
  expect(await self(fresh, 'shop')).toMatchObject({ message: 'first', greeting: 'hello', release: 'v4' })
  expect(await eve.does(['ps', '-a', 'shop'])).toMatch(/(shop-web-\S+ up \(v4\)\n){2}/)
  const list = await eve.does(['releases', '-a', 'shop'])
  for (const line of [
    'eve imported shop from localhost',
    'ann added GREETING',
    'ann deployed',
    'ann created initial release',
  ])
    expect(list).toContain(line)
  expect(await eve.does(['domains', '-a', 'shop'])).toContain('shop.example.org')

  await eve.does(['releases:rollback', 'v2', '-a', 'shop'])
  await serving(fresh, 'shop', { greeting: null, release: 'v5' })
  // The history is there, so that the next commit is all that has to be pushed.
  await shop.commit(settings({ message: 'second' }))
  const pushed = await eve.git(['push', `${fresh.git}/shop.git`, 'master'], shop.folder)
  expect([pushed.code, pushed.stderr]).toEqual([0, expect.stringContaining('Done, shop:v6 deployed')])
  await serving(fresh, 'shop', { message: 'second', release: 'v6' })
  // Where it comes from, nothing has changed.
  expect(await self(old, 'shop')).toMatchObject({ message: 'first', release: 'v3' })

  const taken = await eve.deis(['apps:import', file])
  expect([taken.code, taken.stderr]).toEqual([1, expect.stringContaining('An app "shop" exists here already')])
})
