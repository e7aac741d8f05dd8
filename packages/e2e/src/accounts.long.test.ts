// Do accounts do what their people tell them: log in by a browser, hand over apps, change passwords and tokens, and go?
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Checkout, newApp } from './app.ts'
import { start } from './child.ts'
import { newPerson, password, type Person, registered } from './client.ts'
import { callApi, serving } from './http.ts'
import { type Platform, root, startPlatform } from './platform.ts'

let platform: Platform
let ann: Person
let bob: Person
let shop: Checkout
const passwordOf = (word: string): string[] => ['--username', 'bob', '--password', word]

beforeAll(async () => {
  platform = await startPlatform()
  ann = await registered(platform, 'ann')
  shop = await newApp(ann, 'shop')
  await shop.deploy()
  bob = await newPerson(platform, 'bob')
  await bob.does(['register', platform.api, ...passwordOf(password), '--email', 'bob@example.com'])
})
afterAll(() => platform.stop())

test('a login in a browser', async () => {
  await ann.does(['logout'])
  const waiting = start(process.execPath, [join(root, 'dist/cli/deis.js'), 'login', platform.api, '--browser'], {
    cwd: ann.home,
    env: ann.env,
  })
  await waiting.says('Waiting for the login...')
  const page = /http:\S+/.exec(waiting.output())?.[0] ?? ''
  expect(await (await fetch(page)).text()).toContain('at the address <b>127.0.0.1</b> wants to log in to')
  const { origin, searchParams } = new URL(page)
  const fields = { code: searchParams.get('code') ?? '', username: 'ann', password, answer: 'allow' }
  // What a browser sends with the form.
  const headers = { origin, 'sec-fetch-site': 'same-origin' }
  const sent = await fetch(page.split('?')[0] ?? '', { method: 'POST', headers, body: new URLSearchParams(fields) })
  expect(sent.status).toBe(200)
  expect((await waiting.ended).stdout).toMatch(/\nLogged in as ann\n/)
  expect(await ann.does(['whoami', '--all'])).toContain('Username: ann\n')
})

test('an app is handed over', async () => {
  expect(await bob.deis(['info', '-a', 'shop'])).toMatchObject({ code: 1 })
  await shop.does('apps:transfer', 'bob')
  expect(await bob.does(['info', '-a', 'shop'])).toContain('owner:    bob\n')
  expect(await bob.does(['apps'])).toBe('=== Apps\nshop\n')
  await serving(platform, 'shop', { release: 'v2' })
  await bob.does(['apps:transfer', '-a', 'shop', 'ann'])
  expect(await bob.deis(['info', '-a', 'shop'])).toMatchObject({ code: 1 })
})

test('a new password counts, the old one does not', async () => {
  await bob.does(['auth:passwd', '--password', password, '--new-password', 'another one entirely'])
  expect(await bob.deis(['login', platform.api, ...passwordOf(password)])).toMatchObject({ code: 1 })
  await bob.does(['login', platform.api, ...passwordOf('another one entirely')])
})

test('a new token counts, the old one does not', async () => {
  const old = await bob.token()
  expect(await bob.does(['auth:regenerate'])).toBe('Token Regenerated\n')
  expect(await bob.token()).not.toBe(old)
  expect(await callApi(platform, old, 'GET', '/v2/apps/')).toMatchObject({ status: 401 })
  expect(await bob.does(['apps'])).toBe('=== Apps\n')
})

test('an account that is given up is gone, except while it owns apps', async () => {
  await bob.does(['create', 'bobs', '--no-remote'])
  const cancel = ['auth:cancel', ...passwordOf('another one entirely'), '--yes']
  expect(await bob.deis(cancel)).toMatchObject({ code: 1 })
  await bob.does(['destroy', '--app', 'bobs', '--confirm', 'bobs'])
  await bob.does(cancel)
  expect(await bob.deis(['login', platform.api, ...passwordOf('another one entirely')])).toMatchObject({ code: 1 })
  expect(await ann.does(['users:list'])).toBe('=== Users (*=admin)\n*ann\n')
})
