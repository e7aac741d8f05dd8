// Does what a build prints become lines of bounded length that are harmless on a terminal?
import { expect, test } from 'vitest'
import { plain, splitLines } from './lines.ts'

const all = (...texts: string[]): string[] => {
  const lines = splitLines()
  return [...texts.flatMap((text) => lines.add(text)), ...lines.rest()]
}

test.each([
  ['parts become lines', ['a', 'b\nc', 'd\n'], ['ab', 'cd']],
  ['empty lines stay', ['a\n\nb\n'], ['a', '', 'b']],
  ['no end', ['a'], ['a']],
  ['nothing', [''], []],
  ['Windows ends', ['a\r\nb\r', '\nc'], ['a', 'b', 'c']],
  ['progress bars', ['10%\r20%\r', '\r30%\r\n'], ['10%', '20%', '30%']],
  ['a lone carriage return at the end', ['a\r'], ['a']],
])('%s', (_, texts, expected) => {
  expect(all(...texts)).toEqual(expected)
})

test.each([
  ['plain\ttext ünï ✓', 'plain\ttext ünï ✓'],
  ['\u001b[1;32mgreen\u001b[0m', '\u001b[1;32mgreen\u001b[0m'],
  ['\u001b[1Gx\u001b[2K\u001b[?25ly\u001b[10;20Hz', 'xyz'],
  ['\u001b]0;title\u0007a\u001b]8;;http://x\u001b\\b', 'ab'],
  ['\u001bcreset\u001b(B', 'reset'],
  ['\u009b2Jc1\u0085', '2Jc1'],
  ['bell\u0007 back\b nul\0', 'bell back nul'],
  ['cut \u001b[', 'cut '],
  ['cut \u001b', 'cut '],
  ['\u001b[31', ''],
])('%j is shown as %j', (line, shown) => {
  expect(plain(line)).toBe(shown)
})

test('long lines are broken below 1000 bytes, between characters', () => {
  const lines = all(`${'ü'.repeat(1000)}\n`)
  expect(lines.join('')).toBe('ü'.repeat(1000))
  expect(lines.map((line) => Buffer.byteLength(line))).toEqual([900, 900, 200])
})

test('text without an end does not pile up', () => {
  const lines = splitLines()
  expect(lines.add('x'.repeat(70_000)).join('')).toBe('x'.repeat(70_000))
  expect(lines.rest()).toEqual([])
})
