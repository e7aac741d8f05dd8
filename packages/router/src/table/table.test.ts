// Does a host lead to the right app, after any sequence of events?
import type { AppRoute } from '@deis/types'
import { expect, test } from 'vitest'
import { applyEvent, emptyTable, findApp, OutOfStep, snapshotOf, type Table } from './table.ts'

function app(name: string, ...hosts: string[]): AppRoute {
  return { app: name, hosts, upstreams: ['127.0.0.1:1'] }
}

function tableWith(domain: string, ...apps: AppRoute[]): Table {
  return applyEvent(emptyTable, { type: 'snapshot', epoch: 'e', seq: 7, domain, apps })
}

const apps = [
  app('tea', 'tea', 'www.Tea.example.'),
  app('wild', '*.example.com'),
  app('deep', '*.deep.example.com'),
  app('exact', 'one.deep.example.com'),
]

test.each([
  ['tea.localhost', 'tea'],
  ['www.tea.example', 'tea'],
  ['tea', undefined],
  ['coffee.localhost', undefined],
  ['x.tea.localhost', undefined],
  ['a.example.com', 'wild'],
  ['a.b.example.com', 'wild'],
  ['example.com', undefined],
  ['a.deep.example.com', 'deep'],
  ['a.b.deep.example.com', 'deep'],
  ['deep.example.com', 'wild'],
  ['one.deep.example.com', 'exact'],
  ['[::1]', undefined],
])('%s leads to %s', (host, expected) => {
  expect(findApp(tableWith('localhost', ...apps), host)?.app).toBe(expected)
})

test('without a platform domain a short name matches the first label of any host', () => {
  const table = tableWith('', app('tea', 'tea'))
  expect(findApp(table, 'tea.10.0.0.1.example')?.app).toBe('tea')
  expect(findApp(table, 'tea')?.app).toBe('tea')
  expect(findApp(table, 'coffee.example')).toBeUndefined()
})

test('what has a domain of its own loses none of it to an app that is called like a host there', () => {
  const table = tableWith('', app('www', 'www'), app('shop', '*.shop.example', 'www.tea.example'))
  expect(findApp(table, 'www.shop.example')?.app).toBe('shop')
  expect(findApp(table, 'www.tea.example')?.app).toBe('shop')
  expect(findApp(table, 'www.else.example')?.app).toBe('www')
})

test('the platform domain may be a real one, in any case', () => {
  expect(findApp(tableWith('Apps.Example.com', app('tea', 'TEA')), 'tea.apps.example.com')?.app).toBe('tea')
})

test('the first app keeps a host that another one claims', () => {
  expect(findApp(tableWith('localhost', app('a', 'x.y'), app('b', 'x.y')), 'x.y')?.app).toBe('a')
})

test('changes replace and remove one app and leave the older table as it was', () => {
  const first = tableWith('localhost', app('tea', 'tea'))
  const second = applyEvent(first, { type: 'app', seq: 8, app: app('tea', 'green') })
  const third = applyEvent(second, { type: 'gone', seq: 9, app: 'tea' })
  expect(findApp(first, 'tea.localhost')?.app).toBe('tea')
  expect(findApp(second, 'tea.localhost')).toBeUndefined()
  expect(findApp(second, 'green.localhost')?.app).toBe('tea')
  expect(findApp(third, 'green.localhost')).toBeUndefined()
  expect([first.seq, second.seq, third.seq]).toEqual([7, 8, 9])
})

test('a ping moves on the count, or repeats it', () => {
  const table = tableWith('localhost')
  expect(applyEvent(table, { type: 'ping', seq: 7 }).seq).toBe(7)
  expect(applyEvent(table, { type: 'ping', seq: 8 }).seq).toBe(8)
})

test.each([7, 9, 3])('line %i after line 7 is refused', (seq) => {
  expect(() => applyEvent(tableWith('localhost'), { type: 'gone', seq, app: 'x' })).toThrow(OutOfStep)
})

test('a snapshot of a table makes the same table', () => {
  const table = tableWith('localhost', ...apps)
  expect(applyEvent(emptyTable, snapshotOf(table))).toEqual(table)
})

test('challenges are replaced as a whole, stay when apps change, and are in the snapshot', () => {
  const challenge = { host: 'tea.localhost', token: 't', keyAuthorization: 't.x' }
  const first = applyEvent(tableWith('localhost', ...apps), { type: 'challenges', seq: 8, challenges: [challenge] })
  const second = applyEvent(first, { type: 'gone', seq: 9, app: 'tea' })
  expect(second.challenges).toEqual([challenge])
  expect(applyEvent(emptyTable, snapshotOf(second)).challenges).toEqual([challenge])
  const third = applyEvent(second, { type: 'challenges', seq: 10, challenges: [] })
  expect(third.challenges).toEqual([])
  expect(snapshotOf(third)).not.toHaveProperty('challenges')
})
