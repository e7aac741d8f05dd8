// Does work end in time whether it wants to or not?
import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { within } from './within.ts'

const stubborn = (): Promise<never> => new Promise(() => {})

test('the result, or the failure, of the work', async () => {
  const { signal } = new AbortController()
  expect(await within(signal, 1000, async () => 1)).toBe(1)
  await expect(within(signal, 1000, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('the time limit', async () => {
  const { signal } = new AbortController()
  await expect(within(signal, 20, stubborn)).rejects.toThrow('no answer within 0.02 s')
})

test('the signal, before and during', async () => {
  const abort = new AbortController()
  const waiting = within(abort.signal, 60_000, stubborn)
  abort.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
  await expect(within(abort.signal, 60_000, stubborn)).rejects.toThrow('enough')
})
