// Are times, addresses and hostile lines shown as they should be?
import { expect, test } from 'vitest'
import { ago, appAddress, noLines, plain, withText } from './text.ts'

const now = Date.parse('2026-03-01T12:00:00Z')

test.each([
  ['2026-03-01T12:00:00Z', 'now'],
  ['2026-03-01T11:59:30Z', '30 seconds ago'],
  ['2026-03-01T11:00:00Z', '1 hour ago'],
  ['2026-02-27T12:00:00Z', '2 days ago'],
  ['2026-03-11T12:00:00Z', 'in 10 days'],
  ['2024-03-01T12:00:00Z', '2 years ago'],
  ['soon', 'soon'],
])('%s is %s', (time, shown) => {
  expect(ago(time, now)).toBe(shown)
})

test.each([
  ['\u001b[1;31mred\u001b[0m', 'red'],
  ['\u001b]0;title\u0007x', ']0;titlex'],
  ['a\rb\u202ec', 'abc'],
  ['tab\tstays', 'tab\tstays'],
])('%j is shown as %j', (text, shown) => {
  expect(plain(text)).toBe(shown)
})

test('lines keep their numbers when older ones are dropped', () => {
  const first = withText(noLines, 'one\ntwo\nthr', 3)
  expect(first).toEqual({ lines: ['one', 'two'], rest: 'thr', first: 0 })
  expect(withText(first, 'ee\nfour\n\nfive\n', 3)).toEqual({ lines: ['three', 'four', 'five'], rest: '', first: 2 })
  expect(withText(noLines, 'x'.repeat(200_000), 3).rest).toHaveLength(100_000)
})

const direct = { protocol: 'http:', hostname: '127.0.0.1', port: '8000' }
const behind = { protocol: 'https:', hostname: 'deis.apps.example.com', port: '' }

test.each([
  [{ domain: 'localhost', router_port: 8080 }, direct, 'http://shop.localhost:8080/'],
  [{ domain: 'apps.example.com', router_port: 80 }, direct, 'http://shop.apps.example.com/'],
  [{ domain: 'apps.example.com', router_port: 80 }, behind, 'https://shop.apps.example.com/'],
  [{ domain: 'apps.example.com' }, { ...behind, port: '8443' }, 'https://shop.apps.example.com:8443/'],
  [{ domain: 'apps.example.com' }, direct, null],
  [{}, direct, null],
])('%j at %j: %s', (platform, page, address) => {
  expect(appAddress('shop', platform, page)).toBe(address)
})
