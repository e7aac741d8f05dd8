// Do the numbers of several processes add up, and is the number of series bounded?
import { expect, test } from 'vitest'
import { noApp, offsets } from './counts.ts'
import { createMerger, type Measured, otherApps } from './merge.ts'

function numbers(requests: number): number[] {
  return Array.from({ length: offsets.end }, (_, index) => (index === 0 ? requests : 0))
}

function measured(apps: Record<string, number>, running: Record<string, number> = {}): Measured {
  return {
    apps: Object.entries(apps).map(([app, requests]) => [app, numbers(requests)]),
    releases: [],
    running: Object.entries(running),
    connections: { http: 0, https: 0 },
    draining: 0,
    cpuSeconds: 0,
    residentBytes: 0,
  }
}

const requests = ({ apps }: ReturnType<ReturnType<typeof createMerger>['merge']>): Record<string, number> =>
  Object.fromEntries([...apps].map(([app, [first = 0]]) => [app, first]))

test('all processes count, also those that have ended', () => {
  const merger = createMerger(10)
  const all = (): boolean => true
  expect(requests(merger.merge([measured({ tea: 1 }), measured({ tea: 2, milk: 4 })], [], all))).toEqual({
    tea: 3,
    milk: 4,
  })
  const after = merger.merge([measured({ tea: 1 })], [measured({ tea: 2, milk: 4 })], all)
  expect(requests(after)).toEqual({ tea: 3, milk: 4 })
  expect(requests(merger.merge([measured({ tea: 5 })], [], all))).toEqual({ tea: 7, milk: 4 })
})

test('an app that is gone has no series, and its numbers do not come back with another one of its name', () => {
  const merger = createMerger(10)
  merger.merge([measured({ tea: 1 })], [measured({ tea: 6 })], () => true)
  expect(requests(merger.merge([measured({ tea: 1 })], [], () => false))).toEqual({})
  expect(requests(merger.merge([measured({ tea: 2 })], [], () => true))).toEqual({ tea: 2 })
})

test('only so many apps have series of their own; the counters of the others never go back', () => {
  const merger = createMerger(2)
  const there = new Set(['a', 'b', 'c', 'd'])
  const has = (app: string): boolean => there.has(app)
  const first = merger.merge([measured({ a: 1, b: 9, c: 5, d: 2, [noApp]: 3 }, { a: 1, b: 2, d: 4 })], [], has)
  expect(requests(first)).toEqual({ b: 9, c: 5, [noApp]: 3, [otherApps]: 3 })
  expect(Object.fromEntries(first.running)).toEqual({ b: 2, [otherApps]: 5 })
  // The busiest now would be another one, but it keeps its place.
  expect(requests(merger.merge([measured({ a: 100, b: 9, c: 5, d: 2 })], [], has))).toEqual({
    b: 9,
    c: 5,
    [otherApps]: 102,
  })
  // One that goes leaves what it had; its place is for a new one only.
  there.delete('a')
  there.delete('b')
  there.add('e')
  expect(requests(merger.merge([measured({ c: 6, d: 3, e: 1 })], [], has))).toEqual({ c: 6, e: 1, [otherApps]: 103 })
})

test('no app may have a series of its own', () => {
  expect(requests(createMerger(0).merge([measured({ a: 1, b: 2 })], [], () => true))).toEqual({ [otherApps]: 3 })
})

test('requests of the newest releases are counted, also those of processes that have ended, for apps with series of their own', () => {
  const merger = createMerger(1)
  const of = (app: string, ...releases: number[]): Measured => ({
    ...measured({ [app]: 9 }),
    releases: releases.map((release) => [app, release, [0, 0, release, 0, 0, 1]]),
  })
  const all = (): boolean => true
  merger.merge([of('tea', 1)], [of('tea', 1, 2)], all)
  // Another process has not seen the first one.
  const merged = merger.merge([of('tea', 2, 3, 4), of('milk', 7)], [], all)
  expect(merged.releases).toEqual([
    ['tea', 4, [0, 0, 4, 0, 0, 1]],
    ['tea', 3, [0, 0, 3, 0, 0, 1]],
    ['tea', 2, [0, 0, 4, 0, 0, 2]],
  ])
  expect(merger.merge([], [], (app) => app !== 'tea').releases).toEqual([])
  // Another app of that name.
  expect(merger.merge([of('tea', 1)], [], all).releases).toEqual([['tea', 1, [0, 0, 1, 0, 0, 1]]])
})
