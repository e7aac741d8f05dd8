// Does a push pass as it is, however it is cut into pieces, unless too much comes before its pack?
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { announcements } from './announced.ts'
import { tooManyRefs } from './refs.ts'

const packet = (text: string): string => `${(text.length + 4).toString(16).padStart(4, '0')}${text}`
const command = packet(`${'0'.repeat(40)} ${'a'.repeat(40)} refs/heads/main`)
const flush = '0000'
const pass = (chunks: Iterable<Buffer>): Promise<Buffer> => buffer(Readable.from(chunks).compose(announcements()))

function* pieces(whole: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < whole.length; at += size) yield whole.subarray(at, at + size)
}

test.each([1, 3, 4, 5, 64, 1e6])('commands, options and a large pack, in pieces of %i bytes', async (size) => {
  const start = Buffer.from(`${command}${packet('')}${flush}${packet('an option')}${flush}PACK`)
  const whole = Buffer.concat([start, size < 64 ? randomBytes(1000) : Buffer.alloc(40_000_000, '0000')])
  expect((await pass(pieces(whole, size))).equals(whole)).toBe(true)
})

test.each([
  ['refs', command],
  ['options', `${flush}${packet('x'.repeat(1000))}`],
  ['empty packets', packet('')],
  ['endings', flush],
])('%s without end', async (_, piece) => {
  const endless = (function* () {
    const many = Buffer.from(piece.repeat(1000))
    for (;;) yield many
  })()
  await expect(pass(endless)).rejects.toThrow(tooManyRefs)
})
