// Are requests of the last hour in their minutes, and is what is older forgotten?
import { expect, test } from 'vitest'
import { createTraffic, quantile } from './traffic.ts'

const durations = (...counts: number[]): number[] => Array.from({ length: 13 }, (_, index) => counts[index] ?? 0)

test.each([
  [durations(), 0.5, null],
  [durations(10), 0.5, 2.5],
  [durations(10), 1, 5],
  [durations(0, 0, 4), 0.5, 17.5],
  [durations(90, 0, 0, 0, 0, 0, 0, 10), 0.95, 750],
  [durations(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3), 0.5, 30_000],
])('of %j, %d took at most %j ms', (counts, part, ms) => {
  expect(quantile(counts, part)).toBe(ms)
})

test('an hour by minutes', () => {
  const minute = 60_000
  let now = 1_000 * minute
  const traffic = createTraffic(() => now)
  const one = (count: number) => ({ app: 'tea', classes: [1, 0, count, 0, 2, 3], durations: durations(count + 6) })
  expect(traffic.of('tea').requests).toEqual(Array.from({ length: 60 }, () => 0))
  traffic.record([one(4)])
  traffic.record([one(1), { ...one(9), app: 'milk' }])
  now += 2 * minute
  traffic.record([one(0)])
  const seen = traffic.of('tea')
  expect(seen.requests.slice(-4)).toEqual([0, 17, 0, 6])
  expect(seen.client_errors.slice(-3)).toEqual([4, 0, 2])
  expect(seen.server_errors.slice(-3)).toEqual([6, 0, 3])
  expect(seen.p50.slice(-3)).toEqual([2.5, null, 2.5])
  expect([seen.since, seen.until]).toEqual(['1970-01-01T16:40:00Z', '1970-01-01T16:43:00Z'])
  now += 58 * minute
  expect(traffic.of('tea').requests.filter((count) => count > 0)).toEqual([6])
  traffic.record([one(1)])
  expect(traffic.of('tea').requests.at(-1)).toBe(7)
  now += 100 * minute
  expect(traffic.of('tea').requests.every((count) => count === 0)).toBe(true)
})
