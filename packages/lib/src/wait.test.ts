// Does waiting end with the work or the signal, and leave nothing on a signal that goes on?
import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { unlessAborted } from './wait.ts'

const endless = (): Promise<never> => new Promise(() => {})

test('the result, or the failure, of the work; nothing stays on the signal', async () => {
  const { signal } = new AbortController()
  expect(await unlessAborted(Promise.resolve(1), signal)).toBe(1)
  await expect(unlessAborted(Promise.reject(new Error('no')), signal)).rejects.toThrow('no')
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('the signal, before and during', async () => {
  const abort = new AbortController()
  const waiting = unlessAborted(endless(), abort.signal)
  abort.abort()
  expect(await waiting).toBeUndefined()
  expect(await unlessAborted(endless(), abort.signal)).toBeUndefined()
  expect(getEventListeners(abort.signal, 'abort')).toEqual([])
})
