// Does the one command that a person starts the platform with bring everything up, down and up again?
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Checkout, newApp } from './app.ts'
import { start } from './child.ts'
import { type Person, registered } from './client.ts'
import { self, serving } from './http.ts'
import { npm, type Operator, portsOf, type Up, withOperator } from './launcher.ts'
import { cleanEnv, root } from './platform.ts'
import { processes, processesAround, shown } from './processes.ts'
import { until } from './until.ts'

let folder: string
let began: Operator['began']
let startAll: Operator['launch']
withOperator((operator) => void ({ folder, began, launch: startAll } = operator))

let up: Up
let ann: Person
let shop: Checkout

test('it says where everything is, and an app can be deployed', async () => {
  up = await startAll({ env: { DEIS_SCHEDULR: 'docker' } })
  expect(up.running.output()).toContain('DEIS_SCHEDULR is not a setting of the platform, so it has no effect')
  ann = await registered(up, 'ann')
  shop = await newApp(ann, 'shop')
  await shop.deploy()
  await serving(up, 'shop', { release: 'v2' })
  expect(await readFile(join(folder, 'data/logs/controller.log'), 'utf8')).toContain('controller is ready')
})

test('a controller that dies is started again, and its apps do not notice', async () => {
  const before = await self(up, 'shop')
  const find = async (): Promise<number | undefined> =>
    (await processes()).find(
      ({ parent, command }) => parent === up.running.pid && command.includes('controller/main.js'),
    )?.pid
  const controller = await until({ what: 'the controller is found' }, find)
  process.kill(controller, 'SIGKILL')
  await up.running.says('the controller ended (SIGKILL), restarting it')
  await until({ what: 'another controller answers', seconds: 30 }, async () => (await ann.deis(['apps'])).code === 0)
  expect(await find()).not.toBe(controller)
  expect(await self(up, 'shop')).toEqual(before)
})

test('a second one beside it says what is wrong', async () => {
  const env = {
    ...cleanEnv(),
    HOME: join(folder, 'operator'),
    DEIS_DATA_DIR: join(folder, 'data'),
    DEIS_API_PORT: '0',
    DEIS_GIT_PORT: '0',
  }
  const second = began(start(process.execPath, [join(root, 'scripts/start.mjs')], { cwd: folder, env }))
  expect(await second.ended).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('in use by the controller with pid') as string,
  })
  await serving(up, 'shop', { release: 'v2' })
})

test('Ctrl-C ends every process, and the next start brings the app back', async () => {
  const before = await self(up, 'shop')
  up.running.signal('SIGINT')
  expect(await up.running.ended).toMatchObject({ code: 0 })
  expect(up.running.output()).toContain('deis: stopped; the apps will start again at the next start')
  expect(shown(await processesAround(folder))).toEqual([])

  up = await startAll({ ports: portsOf(up), command: npm })
  const after = await until({ what: 'the app is back' }, () => self(up, 'shop'))
  expect(after).toMatchObject({ release: 'v2' })
  expect(after.pid).not.toBe(before.pid)
  expect(await ann.does(['apps'])).toBe('=== Apps\nshop\n')
  // To npm alone, which hands it on to its child and knows of no other process.
  process.kill(up.running.pid, 'SIGTERM')
  await until({ what: 'nothing is left' }, async () => (await processesAround(folder)).length === 0)
  expect((await up.running.ended).stdout).toContain('deis: stopped')
})
