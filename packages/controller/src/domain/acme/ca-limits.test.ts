// Do we stay within the limits of Let's Encrypt (its page of 2026-08-05) by ourselves, and wait as long as it says where not?
import { describe, expect, test } from 'vitest'
import { problemOf } from './problem.ts'
import { renewalTime, retryDelay } from './schedule.ts'

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000]
/** The shortest pauses. */
const least = (): number => 0

/** When a name is tried that always fails so. */
function triesWithin(span: number, leftMs: number | null): number[] {
  const tries = [0]
  for (let attempts = 1; ; attempts++) {
    const failed = { attempts, isBlocked: false, isLimited: false, retryAfterMs: null, leftMs }
    const next = tries.at(-1)! + retryDelay(failed, least)
    if (next > span) return tries
    tries.push(next)
  }
}

const mostIn = (moments: readonly number[], window: number): number =>
  Math.max(...moments.map((from) => moments.filter((at) => at >= from && at < from + window).length))

describe('a name that always fails', () => {
  test.each([
    ['5 failed authorizations an hour for each name', 5, hour],
    ['1,152 failures one after the other, before it is paused', 1_152, 365 * day],
  ])('%s', (_, most, window) => {
    expect(mostIn(triesWithin(365 * day, null), window)).toBeLessThanOrEqual(most)
  })

  test('also while its certificate is about to expire', () => {
    expect(mostIn(triesWithin(30 * day, minute), hour)).toBeLessThanOrEqual(5)
  })
})

test.each([
  ['classic', 90 * day],
  ['tlsserver', 45 * day],
  ['shortlived', 160 * hour],
])('renewals of the profile %s are fewer than 5 of the same names in 7 days', (_, whole) => {
  const issued = [0]
  while (issued.at(-1)! < 60 * day) {
    const starts = new Date(issued.at(-1)!)
    issued.push(renewalTime({ starts, expires: new Date(starts.getTime() + whole) }, () => 1).getTime())
  }
  expect(mostIn(issued, 7 * day)).toBeLessThanOrEqual(5)
})

const now = Date.parse('2026-01-17T00:00:00Z')
const page = 'see https://letsencrypt.org/docs/rate-limits/'
describe('what it says when a limit is reached', () => {
  test.each([
    [
      'too many certificates (50) already issued for "example.com" in the last 168h0m0s, retry after 2026-01-17 03:22:00 UTC',
      '12120',
      202 * minute,
    ],
    [
      'too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s, retry after 2026-01-18 10:00:00 UTC',
      '122400',
      34 * hour,
    ],
    [
      'too many failed authorizations (5) for "www.example.com" in the last 1h0m0s, retry after 2026-01-17 00:12:00 UTC',
      '720',
      12 * minute,
    ],
    [
      'too many new orders (300) from this account in the last 3h0m0s, retry after 2026-01-17 00:00:36 UTC',
      '36',
      36_000,
    ],
    ['Your account is temporarily prevented from requesting certificates', undefined, null],
  ])('%s', (said, header, after) => {
    const document = { type: 'urn:ietf:params:acme:error:rateLimited', detail: `${said}: ${page}` }
    const withHeader = problemOf(429, header === undefined ? {} : { 'retry-after': header }, document, now)
    expect(withHeader).toMatchObject({ type: 'rateLimited', message: document.detail, retryAfterMs: after })
    // The words alone say the same.
    expect(problemOf(429, {}, document, now).retryAfterMs).toBe(after)
    for (const attempts of [1, 2, 9]) {
      const { retryAfterMs } = withHeader
      const waits = retryDelay({ attempts, isBlocked: false, isLimited: true, retryAfterMs, leftMs: null }, least)
      expect(waits).toBeGreaterThanOrEqual(after ?? hour)
    }
  })

  test('too many requests a second, from a load balancer that knows no ACME', () => {
    expect(problemOf(503, { 'retry-after': '60' }, '<html>', now).retryAfterMs).toBe(minute)
  })
})
