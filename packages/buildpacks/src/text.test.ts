// Is every byte that a tool may print turned into harmless lines?
import { expect, test } from 'vitest'
import { createOutput } from './output.ts'
import { maxLineBytes, present, splitLines } from './text.ts'

test.each<[string, string, string]>([
  ['indents', 'added 3 packages', '       added 3 packages'],
  ['keeps titles', '-----> Installing', '-----> Installing'],
  ['keeps any line that starts with --', '--- a', '--- a'],
  ['keeps coloured titles', '\x1b[1m-----> Bold\x1b[0m', '\x1b[1m-----> Bold\x1b[0m'],
  ['keeps colours', 'a \x1b[32mgreen\x1b[0m', '       a \x1b[32mgreen\x1b[0m'],
  ['an empty line stays empty', '  \x1b[0m ', ''],
  ['keeps tabs and inner spaces', '  a\tb', '         a\tb'],
  ['cursor movement', '\x1b[1Ga\x1b[2K\x1b[?25lb', '       ab'],
  ['a window title', '\x1b]0;evil\x07a\x1b]8;;http://x\x1b\\b', '       ab'],
  ['an unfinished window title', 'a\x1b]0;evil', '       a'],
  ['device strings', '\x1bPq#0\x1b\\a', '       a'],
  ['two-character escapes', '\x1bca\x1b(Bb', '       ab'],
  ['control characters: BEL, BS and NUL', 'a\x07b\x08c\0d', '       abcd'],
  ['8-bit controls', 'a\x9b2Jb\x9d', '       a2Jb'],
  ['an escape at the end', 'a\x1b', '       a'],
])('%s', (_name, line, expected) => {
  expect(present(line)).toBe(expected)
})

test('long lines are cut at a character', () => {
  for (const text of ['x'.repeat(2000), '€'.repeat(2000), '😀'.repeat(2000)]) {
    const shown = present(text)
    expect(Buffer.byteLength(shown)).toBeLessThanOrEqual(maxLineBytes)
    expect(Buffer.byteLength(shown)).toBeGreaterThan(maxLineBytes - 20)
    expect(shown).not.toContain('\uFFFD')
    expect(shown.endsWith('…')).toBe(true)
  }
  const coloured = present(`\x1b[31m${'x'.repeat(2000)}`)
  expect(coloured.endsWith('…\x1b[0m')).toBe(true)
  expect(Buffer.byteLength(coloured)).toBeLessThanOrEqual(maxLineBytes)
})

test.each<[string, (string | Buffer)[], string[]]>([
  ['LF', ['a\nb\n'], ['a', 'b']],
  ['CRLF', ['a\r\nb\r\n'], ['a', 'b']],
  ['CR CR LF', ['a\r\r\nb\n'], ['a', 'b']],
  ['CRLF in two chunks', ['a\r', '\nb\n'], ['a', 'b']],
  ['an unfinished line', ['a\nb'], ['a', 'b']],
  ['empty lines', ['a\n\nb\n'], ['a', '', 'b']],
  ['a progress bar', ['1%\r2%\r', '3%\rdone\n'], ['1%', '2%', '3%', 'done']],
  ['a wiped or repeated bar', ['1%\r   \r2%\r2%\r2%\n'], ['1%', '2%', '2%']],
  ['a CR at the very end', ['a\r'], ['a']],
  ['a character in two chunks', [Buffer.from([0xe2, 0x82]), Buffer.from([0xac, 0x0a])], ['€']],
  ['bytes that are not text', [Buffer.from([0x61, 0xff, 0x62, 0x0a])], ['a\uFFFDb']],
])('splits %s', (_name, chunks, expected) => {
  const lines: string[] = []
  const splitter = splitLines((line) => lines.push(line))
  for (const chunk of chunks) splitter.write(Buffer.from(chunk as string))
  splitter.end()
  expect(lines).toEqual(expected)
})

test('a line without an end does not fill the memory', () => {
  const lines: string[] = []
  const splitter = splitLines((line) => lines.push(line))
  for (let count = 0; count < 100; count++) splitter.write(Buffer.alloc(65_536, 'x'))
  splitter.write(Buffer.from('\nnext\n'))
  expect(lines.map((line) => line.length)).toEqual([expect.toSatisfy((length: number) => length < 100_000), 4])
})

test('output beyond the limit is announced and dropped, titles are not', () => {
  const written: string[] = []
  const output = createOutput((text) => written.push(text), 1_000_000)
  const stream = output.stream()
  for (let count = 0; count < 3000; count++) stream.write(Buffer.from(`${'x'.repeat(900)}\n`))
  output.title('Discovering process types')
  output.warn('oh')
  const text = written.join('')
  expect(Buffer.byteLength(text)).toBeLessThan(1_001_000)
  expect(written.slice(-3)).toEqual([
    '       The output is longer than 1 MB, the rest is not shown.\n',
    '-----> Discovering process types\n',
    ' !     oh\n',
  ])
})
