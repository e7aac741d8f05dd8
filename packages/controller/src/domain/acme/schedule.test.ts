// Is a certificate asked for and renewed at the right times?
import { describe, expect, test } from 'vitest'
import { isLate, momentIn, renewalTime, retryDelay } from './schedule.ts'

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000]
const middle = (): number => 0.5

describe('after a failure', () => {
  const usual = { isBlocked: false, isLimited: false, retryAfterMs: null, leftMs: null }
  test.each([
    [{ ...usual, attempts: 1 }, minute],
    [{ ...usual, attempts: 2 }, 10 * minute],
    [{ ...usual, attempts: 3 }, 100 * minute],
    [{ ...usual, attempts: 4 }, day],
    [{ ...usual, attempts: 400 }, day],
    [{ ...usual, attempts: 1, isBlocked: true }, 5 * minute],
    [{ ...usual, attempts: 9, isBlocked: true }, hour],
    [{ ...usual, attempts: 1, retryAfterMs: 34 * hour }, 34 * hour],
    [{ ...usual, attempts: 4, retryAfterMs: minute }, day],
    [{ ...usual, attempts: 1, isLimited: true }, hour],
    [{ ...usual, attempts: 1, isLimited: true, retryAfterMs: 5 * minute }, 5 * minute],
    // A certificate that is there would expire before the usual try.
    [{ ...usual, attempts: 9, leftMs: 6 * hour }, 3 * hour],
    [{ ...usual, attempts: 9, leftMs: minute }, hour],
    [{ ...usual, attempts: 9, leftMs: 20 * day }, day],
    [{ ...usual, attempts: 9, leftMs: minute, retryAfterMs: 7 * hour }, 7 * hour],
    // No CA keeps a name waiting for years.
    [{ ...usual, attempts: 1, retryAfterMs: 1e12 }, 7 * day],
  ])('%j waits %i ms', (failed, wait) => {
    expect(retryDelay(failed, middle)).toBe(wait)
  })

  test('not all at the same moment', () => {
    expect(retryDelay({ ...usual, attempts: 1 }, () => 0)).toBe(0.9 * minute)
    expect(retryDelay({ ...usual, attempts: 1 }, () => 1)).toBe(1.1 * minute)
  })
})

describe('a certificate', () => {
  const starts = new Date('2026-01-01T00:00:00Z')
  const lasting = (ms: number) => ({ starts, expires: new Date(starts.getTime() + ms) })
  const leftAt = (ms: number, random: () => number): number =>
    lasting(ms).expires.getTime() - renewalTime(lasting(ms), random).getTime()

  test.each([
    [90 * day, 30 * day],
    [45 * day, 15 * day],
    [160 * hour, 80 * hour],
    [0, 0],
  ])('that lasts %i ms is renewed when %i ms are left, or a little before', (whole, left) => {
    expect(leftAt(whole, () => 0)).toBe(left)
    expect(leftAt(whole, () => 1)).toBeLessThanOrEqual(left + Math.min(day, whole / 50))
  })

  test.each([
    [90 * day, 16 * day, false],
    [90 * day, 14 * day, true],
    [160 * hour, 26 * hour, true],
    [90 * day, -day, true],
  ])('that lasts %i ms and has %i left is late: %s', (whole, left, late) => {
    const validity = lasting(whole)
    expect(isLate(validity, new Date(validity.expires.getTime() - left))).toBe(late)
  })

  test('the moment that a CA suggests is in its window', () => {
    const window = { start: starts, end: new Date(starts.getTime() + day) }
    const validity = lasting(90 * day)
    expect(momentIn(window, validity, () => 0)).toEqual(window.start)
    expect(momentIn(window, validity, () => 1)).toEqual(window.end)
    expect(momentIn({ start: window.end, end: window.start }, validity, () => 1)).toEqual(window.end)
    // After it has expired.
    const tooLate = { start: new Date(starts.getTime() + 95 * day), end: new Date(starts.getTime() + 96 * day) }
    expect(momentIn(tooLate, validity)).toEqual(new Date(starts.getTime() + 75 * day))
  })
})
