// Are ranges of versions read as npm reads them, and the words of version managers besides?
import { expect, test } from 'vitest'
import { fits, newestIn, newestOfEach, rangeOf } from './node-version.ts'

const known = ['18.20.8', '20.9.0', '20.20.2', '22.11.0', '22.22.3', '23.1.0', '24.9.0', '25.0.0', '26.10.0', '26.12.1']
const now = new Date('2026-12-01')

test.each<[string, string | null]>([
  ['', '26.12.1'],
  ['*', '26.12.1'],
  ['x', '26.12.1'],
  ['20', '20.20.2'],
  ['20.x', '20.20.2'],
  ['v20.9', '20.9.0'],
  ['^22', '22.22.3'],
  ['>=18', '26.12.1'],
  ['>= 18 < 20', '18.20.8'],
  ['~20.9.0', '20.9.0'],
  ['18 - 20', '20.20.2'],
  ['^18.18.0 || ^20.9.0', '20.20.2'],
  ['>=99', null],
  ['lts/*', '26.12.1'],
  ['LTS', '26.12.1'],
  ['lts/jod', '22.22.3'],
  ['latest', '26.12.1'],
  ['node', '26.12.1'],
])('%s: %s', (text, expected) => {
  const range = rangeOf(text, known, now)
  expect(range).not.toBeNull()
  expect(newestIn(known, range ?? '')).toBe(expected)
})

test.each(['foo', 'lts/nobody', 'lts/', '>=18; rm', `>=${'1'.repeat(300)}`, `${'1 || '.repeat(100_000)}1`])(
  'not a range: %#',
  (text) => {
    const began = performance.now()
    expect(rangeOf(text, known, now)).toBeNull()
    expect(performance.now() - began).toBeLessThan(1_000)
  },
)

test('long-term support begins in the autumn of the year', () => {
  expect(rangeOf('lts/*', known, new Date('2026-06-01'))).toBe('24.x')
  expect(rangeOf('lts/*', known, new Date('2026-10-31'))).toBe('24.x')
  // From 27 on every major has it, and they come out once a year.
  const later = [...known, '27.0.0-alpha.1', '27.1.0', '28.0.0-alpha.3', '28.2.0', '29.0.0-alpha.1']
  expect(rangeOf('lts/*', [...known, '27.0.0-alpha.1'], new Date('2028-01-01'))).toBe('26.x')
  expect(rangeOf('lts/*', later, new Date('2027-06-01'))).toBe('26.x')
  expect(rangeOf('lts/*', later, new Date('2027-12-01'))).toBe('27.x')
  expect(rangeOf('lts/*', later, new Date('2028-12-01'))).toBe('28.x')
  expect(fits('20.20.2', '20')).toBe(true)
  expect(fits('20.20.2', '>=22.12')).toBe(false)
  expect(newestOfEach([...known, '27.0.0-rc.1'])).toEqual([
    '26.12.1',
    '25.0.0',
    '24.9.0',
    '23.1.0',
    '22.22.3',
    '20.20.2',
    '18.20.8',
  ])
})
