// Are changes that come at the same time all made, one after the other, or refused, but never lost?
import type { Config, Release } from '@deis/types'
import { expect, test } from 'vitest'
import type { Checkout } from './app.ts'
import type { Person } from './client.ts'
import { callApi, serving } from './http.ts'
import type { Platform } from './platform.ts'
import { withApp } from './with-app.ts'

let platform: Platform
let ann: Person
let shop: Checkout

withApp(async (given) => {
  ;({ platform, ann, shop } = given)
  await shop.deploy()
})

const requests = 46
const commands = 4

test('fifty variables set at once: each is there, or its request was refused', async () => {
  const token = await ann.token()
  const path = '/v2/apps/shop/config/'
  const byCommand = Array.from({ length: commands }, async (_, index) => {
    const { code, stderr } = await shop.deis('config:set', `CLI_${index}=${index}`)
    expect([0, 1]).toContain(code)
    if (code === 1) expect(stderr).toMatch(/409|conflict|in progress/i)
    return code === 0 ? `CLI_${index}` : null
  })
  const byRequest = Array.from({ length: requests }, async (_, index) => {
    const { status } = await callApi(platform, token, 'POST', path, { values: { [`API_${index}`]: String(index) } })
    expect([201, 409]).toContain(status)
    return status === 201 ? `API_${index}` : null
  })
  const set = (await Promise.all([...byRequest, ...byCommand])).filter((name) => name !== null)
  expect(set.length).toBeGreaterThan(0)

  const config = JSON.parse((await callApi(platform, token, 'GET', path)).body) as Config
  expect(Object.keys(config.values).toSorted()).toEqual(set.toSorted())
  const list = await callApi(platform, token, 'GET', '/v2/apps/shop/releases/?limit=200')
  const versions = (JSON.parse(list.body) as { results: Release[] }).results.map(({ version }) => version)
  const newest = 2 + set.length
  expect(versions).toEqual(Array.from({ length: newest }, (_, index) => newest - index))
  await serving(platform, 'shop', { release: `v${newest}` })
})
