// Are numbers drawn where they belong, also none and a single one?
import { expect, test } from 'vitest'
import { count, duration, heights, linePath, roundUp } from './plot.ts'

test.each([
  [[], []],
  [
    [0, 0],
    [0, 0],
  ],
  [
    [0, 1, 1000],
    [0, 1, 40],
  ],
  [
    [5, 10],
    [20, 40],
  ],
])('bars of %j', (numbers, bars) => {
  expect(heights(numbers, 40)).toEqual(bars)
})

test.each([
  [0, 1],
  [0.3, 0.5],
  [1, 1],
  [3, 5],
  [5, 5],
  [51, 100],
  [1200, 2000],
])('%d is within %d', (value, most) => {
  expect(roundUp(value)).toBeCloseTo(most)
})

test('a line, with a gap', () => {
  expect(linePath([0, 10, null, 5], { width: 40, height: 20, most: 10 })).toBe('M5.0 20.0h0.1L15.0 0.0M35.0 10.0h0.1')
  expect(linePath([null], { width: 40, height: 20, most: 10 })).toBe('')
})

test('numbers in words', () => {
  expect([count(12_345), duration(12.4), duration(1_250)]).toEqual(['12,345', '12 ms', '1.3 s'])
})
