// Do the commands for releases send, print and exit as in the contract?
import { expect, test } from 'vitest'
import { deis, homeOf, type Replies, startController } from '../testbed.ts'

const release = {
  uuid: 'u1',
  app: 'foo',
  owner: 'bob',
  version: 2,
  summary: 'bob deployed abc1234',
  failed: false,
  config: 'c1',
  build: 'b1',
  created: '2026-01-02T03:04:05Z',
  updated: '2026-01-02T03:04:06Z',
}

async function against(replies: Replies) {
  const controller = await startController(replies)
  return { controller, home: homeOf(controller) }
}

test('releases:list', async () => {
  const first = { ...release, version: 1, summary: 'bob created initial release' }
  const { home } = await against({
    'GET /v2/apps/foo/releases/?limit=2': { json: { count: 9, next: 'x', previous: null, results: [release, first] } },
  })
  expect(await deis(['releases', '-a', 'foo', '-l2'], { home })).toMatchObject({
    code: 0,
    stdout:
      '=== foo Releases (2 of 9)\nv2\t2026-01-02T03:04:05Z\tbob deployed abc1234\nv1\t2026-01-02T03:04:05Z\tbob created initial release\n',
  })
})

test.each([
  ['v2', release, 'build:    b1\n', ''],
  ['2', { ...release, build: null }, '', ''],
  ['2', { ...release, failed: true, exception: 'crashed' }, 'build:    b1\n', 'failed:   crashed\n'],
])('releases:info %s', async (word, json, build, failed) => {
  const { home } = await against({ 'GET /v2/apps/foo/releases/v2/': { json } })
  expect(await deis(['releases:info', word, '-a', 'foo'], { home })).toMatchObject({
    code: 0,
    stdout: `=== foo Release v2\n${build}config:   c1\nowner:    bob\ncreated:  2026-01-02T03:04:05Z\nsummary:  bob deployed abc1234\n${failed}updated:  2026-01-02T03:04:06Z\nuuid:     u1\n`,
  })
})

test.each([
  [[], '', 'Rolling back one release... done, v11\n'],
  [['v2'], ' {"version":2}', 'Rolling back to v2... done, v11\n'],
  [['2'], ' {"version":2}', 'Rolling back to v2... done, v11\n'],
])('rollback %j', async (words, body, stdout) => {
  const { home, controller } = await against({
    'POST /v2/apps/foo/releases/rollback/': { status: 201, json: { version: 11 } },
  })
  expect(await deis(['rollback', ...words, '-a', 'foo'], { home })).toMatchObject({ code: 0, stdout })
  expect(controller.requests).toEqual([`POST /v2/apps/foo/releases/rollback/${body}`])
})
