// Are sizes shown as du shows them?
import { expect, test } from 'vitest'
import { humanSize } from './size.ts'

test.each([
  [0, '0B'],
  [1023, '1023B'],
  [1024, '1.0K'],
  [1025, '1.1K'],
  [10_240, '10K'],
  [10_241, '11K'],
  [1_740_000, '1.7M'],
  [10_480_000, '10M'],
  [5 * 2 ** 30, '5.0G'],
])('%d is %s', (bytes, text) => {
  expect(humanSize(bytes)).toBe(text)
})
