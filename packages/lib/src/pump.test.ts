// Is a stream passed on whole, in order, no faster than it is taken, and its end told once?
import { PassThrough } from 'node:stream'
import { expect, test, vi } from 'vitest'
import { pump } from './pump.ts'

/** A receiver that takes the next chunk when it is told to. */
function slow() {
  const got: string[] = []
  const waiting: (() => void)[] = []
  return {
    got,
    waiting,
    send: (chunk: Buffer): Promise<void> => {
      got.push(chunk.toString())
      return new Promise((resolve) => waiting.push(resolve))
    },
  }
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('the next chunk is sent when the one before was taken, the end after the last', async () => {
  const from = new PassThrough()
  const { got, waiting, send } = slow()
  const end = vi.fn<() => void>()
  pump(from, send, end)
  from.write('a')
  await vi.waitFor(() => expect(got).toEqual(['a']))
  from.write('b')
  from.end()
  await turn()
  expect(got).toEqual(['a'])
  waiting.shift()?.()
  await vi.waitFor(() => expect(got).toEqual(['a', 'b']))
  await turn()
  expect(end).not.toHaveBeenCalled()
  waiting.shift()?.()
  await vi.waitFor(() => expect(end).toHaveBeenCalledTimes(1))
})

test.each([
  ['has ended', async (from: PassThrough) => void (await new Promise((resolve) => from.end(resolve)))],
  ['fails', async (from: PassThrough) => void from.destroy(new Error('EIO'))],
  ['is closed', async (from: PassThrough) => void from.destroy()],
])('a stream that %s ends it once', async (_name, act) => {
  const from = new PassThrough()
  const end = vi.fn<() => void>()
  pump(from, async () => {}, end)
  await act(from)
  await vi.waitFor(() => expect(end).toHaveBeenCalledTimes(1))
  await turn()
  expect(end).toHaveBeenCalledTimes(1)
})

test('a stream that was closed before ends it', async () => {
  const from = new PassThrough()
  from.destroy()
  const end = vi.fn<() => void>()
  pump(from, async () => {}, end)
  await vi.waitFor(() => expect(end).toHaveBeenCalledTimes(1))
})

test('after the stop nothing is read, no end is told, and a failure is nobody else’s', async () => {
  const from = new PassThrough()
  const end = vi.fn<() => void>()
  const send = vi.fn<() => Promise<void>>(async () => {})
  const stop = pump(from, send, end)
  stop()
  from.write('a')
  await turn()
  expect(send).not.toHaveBeenCalled()
  expect(from.isPaused()).toBe(true)
  from.destroy(new Error('EIO'))
  await turn()
  expect(end).not.toHaveBeenCalled()
})
