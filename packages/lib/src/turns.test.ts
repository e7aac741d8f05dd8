// Does long work let waiting work run in between, and short work not?
import { expect, test } from 'vitest'
import { openTurns } from './turns.ts'

test('long work is interrupted by what waits', async () => {
  const turns = openTurns(5)
  let interrupted = 0
  let over = false
  const count = (): void => {
    interrupted++
    if (!over) setImmediate(count)
  }
  setImmediate(count)
  let longest = 0
  const until = performance.now() + 100
  for (let from = performance.now(); performance.now() < until;) {
    if (!turns.over()) continue
    longest = Math.max(longest, performance.now() - from)
    await turns.next()
    from = performance.now()
  }
  over = true
  expect(interrupted).toBeGreaterThan(3)
  expect(longest).toBeGreaterThan(5)
})

test('short work is not interrupted', () => {
  expect(openTurns(1000).over()).toBe(false)
})
