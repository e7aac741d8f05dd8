// Are the last lines of a container the last ones, cut to size, and none where there is no container?
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createKube, type Kube } from '../client/client.ts'
import { type FakeApi, openFakeApi, refuse } from '../client/testing.ts'
import { readLastLines } from './last-lines.ts'

let api: FakeApi
let kube: Kube
beforeEach(async () => {
  api = await openFakeApi()
  kube = createKube(api.transport)
})
afterEach(() => api.close())

const last = (lines: number, previous = false): Promise<string[]> =>
  readLastLines(kube, { namespace: 'tea', pod: 'tea-web-123-x2x4z', container: 'tea-web', lines, previous })

test('lines are counted from the end, and long ones are cut', async () => {
  api.answer(({ query }, response) => {
    expect(Number(query.get('limitBytes'))).toBeGreaterThan(1000)
    response.end(`one\n${'x'.repeat(3000)}\nthree`)
  })
  expect(await last(2)).toEqual(['x'.repeat(952), 'three'])
  expect(await last(9)).toEqual(['one', 'x'.repeat(2048), 'x'.repeat(952), 'three'])
})

test('a container that is gone, had no earlier run, or has no pod, has none', async () => {
  api.answer((_, response) => void response.end('unable to retrieve container logs for containerd://abc'))
  expect(await last(2)).toEqual([])
  api.answer((_, response) => refuse(response, 400, 'BadRequest', 'previous terminated container not found'))
  expect(await last(2, true)).toEqual([])
  api.answer((_, response) => refuse(response, 404, 'NotFound', 'no such pod'))
  expect(await last(2)).toEqual([])
})

test('other failures are thrown', async () => {
  api.answer((_, response) => refuse(response, 500, 'InternalError', 'kubelet is away'))
  await expect(last(2)).rejects.toThrow('kubelet is away')
})
