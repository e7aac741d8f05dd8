// Do bytes become the lines that people expect?
import { expect, test } from 'vitest'
import { createSplitter } from './split.ts'

function lines(chunks: readonly (string | Buffer)[], max = 16): string[] {
  const splitter = createSplitter(max)
  return [...chunks.flatMap((chunk) => splitter.push(Buffer.from(chunk))), ...splitter.flush()]
}

test.each([
  { title: 'nothing', chunks: [], expected: [] },
  { title: 'whole lines', chunks: ['one\ntwo\n'], expected: ['one', 'two'] },
  { title: 'empty lines stay', chunks: ['\n\na\n'], expected: ['', '', 'a'] },
  { title: 'a line in pieces', chunks: ['on', 'e\ntw', 'o\n'], expected: ['one', 'two'] },
  { title: 'a last line without end', chunks: ['one\ntwo'], expected: ['one', 'two'] },
  { title: 'carriage returns', chunks: ['one\r\n50%\r99%\n'], expected: ['one', '50%99%'] },
  { title: 'a line that is just short enough', chunks: ['0123456789abcdef\n'], expected: ['0123456789abcdef'] },
  { title: 'a line that is too long', chunks: ['0123456789abcdefg\nh\n'], expected: ['0123456789abcdef', 'g', 'h'] },
  { title: 'a very long line', chunks: ['x'.repeat(40)], expected: ['x'.repeat(16), 'x'.repeat(16), 'x'.repeat(8)] },
  { title: 'no torn character at the cut', chunks: ['a'.repeat(15), 'äb\n'], expected: ['a'.repeat(15), 'äb'] },
  { title: 'no torn emoji at the cut', chunks: ['a'.repeat(13), '😀b\n'], expected: ['a'.repeat(13), '😀b'] },
  { title: 'a character in two chunks', chunks: [Buffer.from([0xc3]), Buffer.from([0xa4, 0x0a])], expected: ['ä'] },
  { title: 'invalid UTF-8', chunks: [Buffer.from([0x61, 0xff, 0x62, 0x0a])], expected: ['a\ufffdb'] },
  {
    title: 'nothing but continuation bytes',
    chunks: [Buffer.alloc(20, 0x80)],
    expected: ['\ufffd'.repeat(16), '\ufffd'.repeat(4)],
  },
])('$title', ({ chunks, expected }) => {
  expect(lines(chunks)).toEqual(expected)
})

test('what waits for its end is counted', () => {
  const splitter = createSplitter(16)
  splitter.push(Buffer.from('one\ntwo'))
  expect(splitter.pending()).toBe(3)
})
