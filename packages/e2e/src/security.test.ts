// Can an app, or another person's account, see or do what it must not?
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import * as types from '@deis/types'
import { describe, expect, test } from 'vitest'
import { type Checkout, newApp } from './app.ts'
import { type Person, registered } from './client.ts'
import { heldBuild, newBarrier } from './barrier.ts'
import { ask, callApi, self, serving } from './http.ts'
import { canary, type Platform } from './platform.ts'
import { processesAround } from './processes.ts'
import { withApp } from './with-app.ts'

const secret = 'hush-4f9d2b71'
const isRoot = process.getuid?.() === 0

let platform: Platform
let ann: Person
let bob: Person
let shop: Checkout
let other: Checkout

withApp(async (given) => {
  ;({ platform, ann, shop } = given)
  // The first account is an admin, the second is not.
  bob = await registered(platform, 'bob')
  await shop.deploy()
  await shop.does('config:set', `PASSWORD=${secret}`)
  other = await newApp(bob, 'other')
  await other.deploy()
})

type AppRoute = { readonly method: string; readonly path: string; readonly access: string }

/** Every route of the contract that is about one app. */
const appRoutes = Object.values(types as unknown as Record<string, unknown>).filter(
  (value): value is AppRoute =>
    typeof value === 'object' &&
    value !== null &&
    'path' in value &&
    'access' in value &&
    String(value.access).startsWith('app'),
)

describe('another person’s token', () => {
  test('there are routes to look at', () => {
    expect(appRoutes.length).toBeGreaterThan(15)
  })

  test.each(appRoutes.map((route) => ({ ...route, name: `${route.method} ${route.path}` })))(
    'gets 403 from $name',
    async ({ method, path }) => {
      const url = path
        .replace(':id', 'shop')
        .replace(':version', 'v2')
        .replace(':uuid', '00000000-0000-4000-8000-000000000000')
        .replaceAll(/:\w+/g, 'web')
      const body = method === 'POST' ? {} : undefined
      expect(await callApi(platform, await bob.token(), method, url, body)).toMatchObject({ status: 403 })
      expect(await callApi(platform, null, method, url, body)).toMatchObject({ status: 401 })
      expect(await callApi(platform, 'f'.repeat(40), method, url, body)).toMatchObject({ status: 401 })
    },
  )

  test('nor does it list the app, its owner’s keys, or the accounts', async () => {
    expect(await bob.does(['apps'])).toBe('=== Apps\nother\n')
    expect(await bob.does(['keys:list'])).not.toContain('ann@laptop')
    expect(await bob.deis(['users:list'])).toMatchObject({ code: 1 })
    await serving(platform, 'shop', { release: 'v3' })
  })
})

describe('an app', () => {
  test('has its own environment and none of the controller’s', async () => {
    const env = JSON.parse((await ask(platform, 'shop', { path: '/env' })).body) as Record<string, string>
    expect(
      Object.keys(env)
        .filter((name) => !/^(_|PWD|SHLVL|OLDPWD|LANG|LC_ALL|TZ)$/.test(name))
        .toSorted(),
    ).toEqual([
      'DEIS_APP',
      'DEIS_POD',
      'HOME',
      'PASSWORD',
      'PATH',
      'PORT',
      'SOURCE_VERSION',
      'TMPDIR',
      'WORKFLOW_RELEASE',
      'WORKFLOW_RELEASE_CREATED_AT',
      'WORKFLOW_RELEASE_SUMMARY',
    ])
    expect(Object.values(env)).not.toContain(canary)
    const run = await shop.does('run', '--', 'env | cut -d= -f1')
    expect(run).toContain('\nPASSWORD\n')
    expect(run).not.toContain('DEIS_E2E_CANARY')
  })

  test('nor does its build have it, or the config other than as files', async () => {
    const barrier = await newBarrier(platform, 'env')
    const hook =
      '#!/bin/sh\nenv | cut -d= -f1 | sort | tr "\\n" " "\ntest -z "$PASSWORD"\ncat "$3/PASSWORD" > /dev/null\n'
    await other.commit({ 'bin/pre-compile': hook })
    await other.does('config:set', `PASSWORD=${secret}`)
    const { code, stderr } = await other.push()
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stderr).not.toContain('DEIS_E2E_CANARY')
    expect(stderr).not.toContain(canary)
    await other.commit(heldBuild(barrier))
    const push = other.startPush()
    await barrier.arrived()
    const building = (await processesAround(platform.dataDir)).filter(({ env }) => env['DEIS_BUILD'] !== undefined)
    expect(building.length).toBeGreaterThan(0)
    for (const { env } of building) expect(JSON.stringify(env)).not.toMatch(new RegExp(`${canary}|${secret}`))
    await barrier.open()
    expect(await push.ended).toMatchObject({ code: 0 })
  })
})

describe('values', () => {
  test('are in no command line, no log, and in no file but the encrypted database', async () => {
    for (const { command } of await processesAround(platform.dataDir)) expect(command).not.toContain(secret)
    expect(await platform.log()).not.toContain(secret)
    expect(await shop.does('logs', '-n', '500')).not.toContain(secret)
    const entries = await readdir(platform.dataDir, { recursive: true, withFileTypes: true })
    const found: string[] = []
    for (const entry of entries.filter((one) => one.isFile())) {
      const path = join(entry.parentPath, entry.name)
      // Gone meanwhile: then nothing can be kept in it.
      const content = await readFile(path, 'latin1').catch(() => '')
      if (content.includes(secret)) found.push(path)
    }
    expect(found).toEqual([])
  })

  test('neither are passwords and tokens', async () => {
    const token = await ann.token()
    const state = join(platform.dataDir, 'state')
    for (const name of await readdir(state)) {
      const content = await readFile(join(state, name), 'latin1')
      expect([name, content.includes(token), content.includes('correct horse')]).toEqual([name, false, false])
    }
    expect(await platform.log()).not.toContain(token)
  })
})

describe('the data folder', () => {
  test.each(['state', 'keys', 'logs', 'repos'])('%s is closed to all other users', async (name) => {
    expect((await stat(join(platform.dataDir, name))).mode & 0o077).toBe(0)
  })

  test('so is every key', async () => {
    const folder = join(platform.dataDir, 'keys')
    for (const name of await readdir(folder))
      expect([name, (await stat(join(folder, name))).mode & 0o077]).toEqual([name, 0])
  })

  describe.runIf(isRoot)('with a user per app', () => {
    const read = async (app: string, path: string): Promise<unknown> =>
      JSON.parse((await ask(platform, app, { path: `/read?path=${encodeURIComponent(path)}` })).body)
    const list = async (app: string, path: string): Promise<unknown> =>
      JSON.parse((await ask(platform, app, { path: `/list?path=${encodeURIComponent(path)}` })).body)

    test('each app has another user, and none is root', async () => {
      const [one, two] = [await self(platform, 'shop'), await self(platform, 'other')]
      expect(one.uid).not.toBe(two.uid)
      expect([one.uid, two.uid]).not.toContain(0)
      expect((await shop.does('run', '--', 'id -u')).trim().split('\n').at(-1)).toBe(String(one.uid))
    })

    test('no app reads another one, the database, the keys, sources, builds or slugs', async () => {
      const { pid } = await self(platform, 'shop')
      const [own] = (await processesAround(platform.dataDir)).filter((one) => one.pid === pid)
      const folder = own?.cwd ?? ''
      expect(await read('shop', join(folder, 'settings.json'))).toHaveProperty('answer')
      expect(await read('other', join(folder, 'settings.json'))).toHaveProperty('refused')
      expect(await read('other', `/proc/${pid}/environ`)).toHaveProperty('refused')
      const places = [
        'state',
        'keys',
        'logs',
        'repos',
        'slugs',
        'builds',
        'builder/builds',
        'builder/caches',
        'ps/pods',
        'ps/logs',
      ]
      for (const place of places)
        expect([place, await list('other', join(platform.dataDir, place))]).toEqual([
          place,
          { refused: expect.stringMatching(/^(EACCES|ENOENT)$/) as string },
        ])
      for (const file of ['state/deis.db', 'keys/secret.key', 'keys/router.key', 'users.json', 'ps/logs/shop.log'])
        expect([file, await read('other', join(platform.dataDir, file))]).toEqual([file, { refused: 'EACCES' }])
    })

    test('no app signals another one', async () => {
      const { pid } = await self(platform, 'shop')
      const { stdout, stderr } = await bob.deis(['run', '--app', 'other', '--', `kill -9 ${pid} && echo dead`])
      expect(stdout + stderr).not.toMatch(/^dead$/m)
      expect(await self(platform, 'shop')).toMatchObject({ pid })
    })
  })
})
