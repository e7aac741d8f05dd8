// Does waiting end with the work or the signal, and leave nothing on a signal that goes on?
import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { orAborted, unlessAborted } from './wait.ts'

const endless = (): Promise<never> => new Promise(() => {})

test.each([unlessAborted, orAborted])(
  'the result, or the failure, of the work; nothing stays on the signal (%o)',
  async (wait) => {
    const { signal } = new AbortController()
    expect(await wait(Promise.resolve(1), signal)).toBe(1)
    await expect(wait(Promise.reject(new Error('no')), signal)).rejects.toThrow('no')
    expect(getEventListeners(signal, 'abort')).toEqual([])
  },
)

test('the signal, before and during', async () => {
  const abort = new AbortController()
  const [one, other] = [unlessAborted(endless(), abort.signal), orAborted(endless(), abort.signal)]
  other.catch(() => {})
  abort.abort()
  expect(await one).toBeUndefined()
  await expect(other).rejects.toThrow('aborted')
  expect(await unlessAborted(endless(), abort.signal)).toBeUndefined()
  await expect(orAborted(endless(), abort.signal)).rejects.toThrow('aborted')
  expect(getEventListeners(abort.signal, 'abort')).toEqual([])
})
