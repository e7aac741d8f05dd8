// Does deis events show recorded changes, page by page, and as lines of JSON?
import { expect, test } from 'vitest'
import { deis, homeOf, startController } from '../testbed.ts'

const event = (id: number, more: object = {}): object => ({
  id,
  time: '2026-11-29T11:00:00Z',
  actor: 'ann',
  app: 'foo',
  action: 'config.set',
  target: null,
  details: { values: { set: ['A', 'B'] } },
  address: '192.0.2.1',
  agent: null,
  request: null,
  result: 'ok',
  status: null,
  ...more,
})
const page = (...results: object[]) => ({ json: { count: 1_500, next: null, previous: null, results } })

test('who did what, from where, with which result', async () => {
  const denied = event(1, { actor: null, action: 'domains.add', target: 'x.example', details: {}, result: 'denied' })
  const controller = await startController({ 'GET /v2/apps/foo/events/?limit=30': page(event(2), denied) })
  expect(await deis(['events', '-a', 'foo'], { home: homeOf(controller) })).toMatchObject({
    code: 0,
    stderr: '',
    stdout: [
      '=== foo Events',
      '2026-11-29T11:00:00Z\tann\tconfig.set values.set=A,B\t192.0.2.1\tok',
      '2026-11-29T11:00:00Z\t(builder)\tdomains.add x.example\t192.0.2.1\tdenied',
      '',
    ].join('\n'),
  })
})

test('more than one page, of the whole platform, as lines of JSON', async () => {
  const many = Array.from({ length: 1_000 }, (_, index) => event(2_000 - index))
  const controller = await startController({
    'GET /v2/events/?limit=1000': page(...many),
    'GET /v2/events/?limit=200&before=1001': page(event(7)),
  })
  const { stdout, code } = await deis(['events', '--all', '-n', '1200', '--ndjson'], { home: homeOf(controller) })
  const lines = stdout.trimEnd().split('\n')
  expect([code, lines.length]).toEqual([0, 1_001])
  expect(JSON.parse(lines.at(-1)!)).toEqual(event(7))
})

test('after an id, all that follow, oldest first', async () => {
  const many = Array.from({ length: 1_000 }, (_, index) => event(8 + index))
  const controller = await startController({
    'GET /v2/events/?limit=1000&after=7': page(...many),
    'GET /v2/events/?limit=1000&after=1007': page(event(1_008)),
  })
  const { stdout, code } = await deis(['events', '--all', '--after', '7', '--ndjson'], { home: homeOf(controller) })
  const ids = stdout
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { id: number }).id)
  expect([code, ids.length, ids[0], ids.at(-1)]).toEqual([0, 1_001, 8, 1_008])
})

test('after the newest there is nothing', async () => {
  const controller = await startController({ 'GET /v2/events/?limit=1000&after=9': page() })
  const run = deis(['events', '--all', '--after', '9', '--ndjson'], { home: homeOf(controller) })
  expect(await run).toMatchObject({ code: 0, stdout: '' })
})

test('what cannot be meant is refused', async () => {
  const controller = await startController({})
  const home = homeOf(controller)
  expect(await deis(['events', '--all', '-a', 'foo'], { home })).toMatchObject({ code: 1 })
  expect(await deis(['events', '-a', 'foo', '-n', '0'], { home })).toMatchObject({ code: 1 })
  expect(controller.requests).toEqual([])
})
