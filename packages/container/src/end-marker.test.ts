// Is the end marker found however the output is split, and does all other output pass unchanged?
import { expect, test } from 'vitest'
import { createEndMarkerFilter, newEndMarker, withoutEndMarker } from './end-marker.ts'

const marker = '\u001eabcabd'

/** What is passed on of output in chunks of the given size; with `pauses`, each chunk is followed by a release. */
function through(output: string, size: number, pauses = false): { out: string; code: number | null } {
  const filter = createEndMarkerFilter(marker)
  const bytes = Buffer.from(output)
  const out: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) {
    out.push(filter.feed(bytes.subarray(at, at + size)))
    if (pauses) out.push(filter.release())
  }
  return { out: Buffer.concat(out).toString(), code: filter.code() }
}

test.each([
  { title: 'all of the output', output: `one\ntwo${marker}0;`, out: 'one\ntwo', code: 0 },
  { title: 'no output', output: `${marker}143;`, out: '', code: 143 },
  { title: 'nothing behind the marker', output: `a${marker}7;late${marker}8;`, out: 'a', code: 7 },
  {
    title: 'what only looks like the marker',
    output: `a\u001eabcab\u001eabc${marker}3;`,
    out: 'a\u001eabcab\u001eabc',
    code: 3,
  },
  { title: 'no end', output: 'a\u001eabcx', out: 'a\u001eabcx', code: null },
])('$title', ({ output, out, code }) => {
  for (const size of [1, 2, 3, 5, 1000]) expect(through(output, size)).toEqual({ out, code })
  expect(through(output, 1, true).code).toBe(code)
})

test('what may be the marker is held back until it is released', () => {
  const filter = createEndMarkerFilter(marker)
  expect(filter.feed(Buffer.from('prompt \u001eab')).toString()).toBe('prompt ')
  expect(filter.isHolding()).toBe(true)
  expect(filter.release().toString()).toBe('\u001eab')
  expect(filter.isHolding()).toBe(false)
  expect(filter.feed(Buffer.from('c')).toString()).toBe('')
  expect(filter.feed(Buffer.from('!')).toString()).toBe('c!')
})

test.each([
  { line: 'one', own: 'one' },
  { line: '', own: '' },
  { line: `two${newEndMarker()}0;`, own: 'two' },
  { line: `${newEndMarker()}143;`, own: null },
  { line: `${newEndMarker()}143; and more`, own: undefined },
  { line: '\u001eabc-0;', own: undefined },
])('log lines do not show the marker: %#', ({ line, own }) => {
  expect(withoutEndMarker(line)).toBe(own === undefined ? line : own)
})
