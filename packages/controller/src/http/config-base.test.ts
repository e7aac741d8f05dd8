// Is a change of the config refused that was made from another config than the one that counts?
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Fixture, openFixture } from './fixture.ts'

let f: Fixture
let ann: string
const path = '/v2/apps/tea/config/'

beforeAll(async () => {
  f = await openFixture()
  ann = await f.user('ann')
  await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
})
afterAll(() => f.close())

const change = (body: unknown) => f.call('POST', path, body, ann)
const current = async () => (await f.call('GET', path, undefined, ann)).body as { uuid: string; values: object }

test('of two changes made from one config, one counts', async () => {
  const { uuid: base } = await current()
  const both = await Promise.all([change({ values: { A: '1' }, base }), change({ values: { B: '1' }, base })])
  expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409])
  expect(both.find(({ status }) => status === 409)?.body).toEqual({
    detail: 'The config of "tea" was changed meanwhile, so nothing was changed.',
  })
  expect(Object.keys((await current()).values)).toHaveLength(1)
  const { uuid } = await current()
  expect(await change({ values: { C: '1' }, base: uuid })).toMatchObject({ status: 201, body: { values: { C: '1' } } })
})

test.each([5, null, 'x'.repeat(2_001)])('the base %j is not one', async (base) => {
  expect(await change({ values: { D: '1' }, base })).toMatchObject({ status: 400, body: { base: [expect.anything()] } })
})
