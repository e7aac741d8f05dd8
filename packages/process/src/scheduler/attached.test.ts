// Does a command that has ended leave nothing on a signal that goes on?
import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { type Attached, untilEnd } from './attached.ts'

test('a session whose client stays', async () => {
  const { signal } = new AbortController()
  const attached = {
    ended: Promise.resolve({ code: 7, signal: null }),
    processes: async () => [],
    drain: async () => {},
    release: () => {},
  } as unknown as Attached
  expect(await untilEnd(attached, 0, signal)).toBe(7)
  expect(getEventListeners(signal, 'abort')).toEqual([])
})
