// Does the platform know whether anything on the cluster measures pods?
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createKube } from '../client/client.ts'
import { type FakeApi, json, openFakeApi } from '../client/testing.ts'
import { isMeasured } from './checks.ts'

let api: FakeApi
beforeEach(async () => {
  api = await openFakeApi()
})
afterEach(() => api.close())

test.each([
  { groups: ['apps', 'batch'], measured: false },
  { groups: ['apps', 'metrics.k8s.io'], measured: true },
])('with the groups $groups: $measured', async ({ groups, measured }) => {
  api.answer((_, response) => json(response, 200, { kind: 'APIGroupList', groups: groups.map((name) => ({ name })) }))
  expect(await isMeasured(createKube(api.transport))).toBe(measured)
})
