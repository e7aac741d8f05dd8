// Is each request reported once?
import { expect, test } from 'vitest'
import { classes, offsets, protocols } from './counts.ts'
import { createDifference } from './traffic.ts'

/** `ok`: by https; `slow`: of more than 30 s. */
function numbers({ ok = 0, failed = 0, slow = 0 }): number[] {
  const all = Array.from({ length: offsets.end }, () => 0)
  all[offsets.requests + classes.indexOf('2xx') * protocols.length + 1] = ok
  all[offsets.requests + classes.indexOf('5xx') * protocols.length] = failed
  all[offsets.seconds - 1] = slow
  return all
}

const collected = (apps: Record<string, number[]>) => ({ apps: new Map(Object.entries(apps)), running: new Map() })
const durations = (last: number): number[] => [...Array.from({ length: 12 }, () => 0), last]

test('what was added since the last report, of apps with names', () => {
  const difference = createDifference()
  expect(
    difference(collected({ tea: numbers({ ok: 3, slow: 1 }), _other: numbers({ ok: 9 }), _none: numbers({ ok: 1 }) })),
  ).toEqual([{ app: 'tea', classes: [0, 0, 3, 0, 0, 0], durations: durations(1) }])
  expect(difference(collected({ tea: numbers({ ok: 3, slow: 1 }) }))).toEqual([])
  expect(difference(collected({ tea: numbers({ ok: 4, failed: 2, slow: 1 }) }))).toEqual([
    { app: 'tea', classes: [0, 0, 1, 0, 0, 2], durations: durations(0) },
  ])
})

test('an app that was destroyed and created again', () => {
  const difference = createDifference()
  difference(collected({ tea: numbers({ ok: 5 }) }))
  expect(difference(collected({ tea: numbers({ ok: 2 }) }))).toEqual([])
  expect(difference(collected({}))).toEqual([])
  expect(difference(collected({ tea: numbers({ ok: 2 }) }))).toMatchObject([{ classes: [0, 0, 2, 0, 0, 0] }])
})
