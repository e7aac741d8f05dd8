// Is the last word found, however it is cut up, and is nothing else of the output touched?
import { expect, test } from 'vitest'
import { createEnding, newLastWord, withoutLastWord } from './end-marker.ts'

const mark = '\u001eabcabd'

/** What is handed on, in pieces of the given size; every pause releases. */
function through(said: string, size: number, pauses = false): { out: string; code: number | null } {
  const ending = createEnding(mark)
  const bytes = Buffer.from(said)
  const out: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) {
    out.push(ending.feed(bytes.subarray(at, at + size)))
    if (pauses) out.push(ending.release())
  }
  return { out: Buffer.concat(out).toString(), code: ending.code() }
}

test.each([
  { title: 'all of the output', said: `one\ntwo${mark}0;`, out: 'one\ntwo', code: 0 },
  { title: 'no output at all', said: `${mark}143;`, out: '', code: 143 },
  { title: 'nothing that comes later', said: `a${mark}7;late${mark}8;`, out: 'a', code: 7 },
  {
    title: 'what only looks like the mark',
    said: `a\u001eabcab\u001eabc${mark}3;`,
    out: 'a\u001eabcab\u001eabc',
    code: 3,
  },
  { title: 'no end', said: 'a\u001eabcx', out: 'a\u001eabcx', code: null },
])('$title', ({ said, out, code }) => {
  for (const size of [1, 2, 3, 5, 1000]) expect(through(said, size)).toEqual({ out, code })
  expect(through(said, 1, true).code).toBe(code)
})

test('what may be the mark is kept, and given when it is asked for', () => {
  const ending = createEnding(mark)
  expect(ending.feed(Buffer.from('prompt \u001eab')).toString()).toBe('prompt ')
  expect(ending.keeps()).toBe(true)
  expect(ending.release().toString()).toBe('\u001eab')
  expect(ending.keeps()).toBe(false)
  expect(ending.feed(Buffer.from('c')).toString()).toBe('')
  expect(ending.feed(Buffer.from('!')).toString()).toBe('c!')
})

test.each([
  { line: 'one', own: 'one' },
  { line: '', own: '' },
  { line: `two${newLastWord()}0;`, own: 'two' },
  { line: `${newLastWord()}143;`, own: null },
  { line: `${newLastWord()}143; and more`, own: undefined },
  { line: '\u001eabc-0;', own: undefined },
])('who only reads the lines is not told: %#', ({ line, own }) => {
  expect(withoutLastWord(line)).toBe(own === undefined ? line : own)
})
