// Which names does our program leave out? And does every tar end, whatever its headers say?
import { expect, test } from 'vitest'
import { hasHardNames } from './hard-names.ts'

function header(name: Buffer, { type = '0', size = '0' } = {}): Buffer {
  const block = Buffer.alloc(512)
  name.copy(block)
  block.write(size.padStart(11, '0'), 124, 'latin1')
  block.write(type, 156, 'latin1')
  return block
}

const plain = header(Buffer.from('plain'))

/** A header of the kind that git writes before a long name, and what it says. */
function extended(record: string | Buffer): Buffer {
  const content = Buffer.alloc(512)
  content.set(Buffer.from(record))
  return Buffer.concat([
    header(Buffer.from('x'), { type: 'x', size: Buffer.byteLength(record).toString(8) }),
    content,
    plain,
  ])
}

test.each<[string, Buffer, boolean]>([
  ['a plain one', plain, false],
  ['one that is not UTF-8', header(Buffer.from([0x66, 0xff])), true],
  ['a long one', extended('14 path=abcde\n'), false],
  ['a long one with a line break', extended('14 path=ab\nde\n'), false],
  ['a long one that is not UTF-8', extended(Buffer.from('14 path=ab\xff\xffe\n', 'latin1')), true],
  // Not of git: it is read to its end, whatever it says.
  ['one of less than no bytes', Buffer.concat([plain, header(Buffer.from('odd'), { size: '-0000100000' })]), false],
  ['one that is cut off', plain.subarray(0, 300), false],
])('%s', (_, tar, expected) => expect(hasHardNames(tar)).toBe(expected))
