// Does deis drains show, add, test and remove where log lines are sent?
import { expect, test } from 'vitest'
import { deis, homeOf, startController } from '../testbed.ts'

const drain = (more: object = {}): object => ({
  uuid: 'u1',
  app: 'foo',
  owner: 'ann',
  url: 'https://***@logs.example.com:443/***',
  token: 'd.u1',
  state: 'sending',
  error: null,
  dropped: 0,
  created: '2026-11-29T11:00:00Z',
  ...more,
})

test('where lines are sent, and what is wrong there', async () => {
  const failing = drain({ uuid: 'u2', state: 'failing', error: 'the receiver answered 500', dropped: 3 })
  const results = [drain(), failing]
  const controller = await startController({
    'GET /v2/apps/foo/drains/': { json: { count: 2, next: null, previous: null, results } },
  })
  expect(await deis(['drains', '-a', 'foo'], { home: homeOf(controller) })).toMatchObject({
    code: 0,
    stderr: '',
    stdout: [
      '=== foo Drains',
      'u1\thttps://***@logs.example.com:443/***\tsending',
      'u2\thttps://***@logs.example.com:443/***\tfailing\t3 lines dropped\tthe receiver answered 500',
      '',
    ].join('\n'),
  })
})

test('adding shows no secret, testing asks for a line, removing names the drain', async () => {
  const controller = await startController({
    'POST /v2/apps/foo/drains/': { status: 201, json: drain() },
    'POST /v2/apps/foo/drains/u1/test/': { json: { line: 'x' } },
    'DELETE /v2/apps/foo/drains/u1/': { status: 204 },
  })
  const home = homeOf(controller)
  const added = await deis(['drains:add', 'https://ann:secret@logs.example.com/key', '-a', 'foo'], { home })
  expect(added).toMatchObject({
    code: 0,
    stdout: 'Adding a drain to foo... done, u1 sends to https://***@logs.example.com:443/***\n',
  })
  expect(await deis(['drains:test', 'u1', '-a', 'foo'], { home })).toMatchObject({
    code: 0,
    stdout: 'Sending a line to drain u1... done\n',
  })
  expect(await deis(['drains:remove', 'u1', '-a', 'foo'], { home })).toMatchObject({
    code: 0,
    stdout: 'Removing drain u1 from foo... done\n',
  })
})
