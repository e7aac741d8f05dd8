// Does every byte come out of the engine's stream, wherever it is cut?
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { demux, type Frame, StreamFault } from './demux.ts'

const frame = (type: number, text: string): Buffer => {
  const body = Buffer.from(text)
  const header = Buffer.alloc(8)
  header.writeUInt8(type, 0)
  header.writeUInt32BE(body.length, 4)
  return Buffer.concat([header, body])
}

async function framesOf(chunks: readonly Buffer[]): Promise<string[]> {
  const found: Frame[] = []
  for await (const one of demux(Readable.from(chunks))) found.push({ ...one, bytes: Buffer.from(one.bytes) })
  return found.map(({ from, bytes }) => `${from} ${bytes.toString()}`)
}

const whole = Buffer.concat([frame(1, 'one'), frame(2, 'b€d'), frame(1, ''), frame(0, 'input'), frame(1, 'two')])
const expected = ['stdout one', 'stderr b€d', 'stdout two']

test('cut at every place, and byte by byte', async () => {
  for (let at = 0; at <= whole.length; at++)
    expect(await framesOf([whole.subarray(0, at), whole.subarray(at)])).toEqual(expected)
  expect(await framesOf(Array.from(whole, (byte) => Buffer.from([byte])))).toEqual(expected)
})

test('a frame that is cut short at the end of the stream is not passed on', async () => {
  expect(await framesOf([whole.subarray(0, -1)])).toEqual(expected.slice(0, 2))
})

describe('refused', () => {
  test('what the engine says about itself', async () => {
    await expect(framesOf([frame(1, 'one'), frame(3, 'log driver failed')])).rejects.toThrow('log driver failed')
  })
  test.each([
    ['an unknown kind', Buffer.from([9, 0, 0, 0, 0, 0, 0, 0])],
    ['a header that is none', Buffer.from('plain text')],
    ['a frame larger than any', Buffer.from([1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff])],
  ])('%s', async (_, bytes) => {
    await expect(framesOf([bytes])).rejects.toThrow(StreamFault)
  })
})
