// What is said of certificates that the platform gets by itself?
import type { AutoCert } from '@deis/types'
import { expect, test } from 'vitest'
import { autoCertLines } from './auto.ts'

const now = new Date('2026-06-01T00:00:00Z')
const cert: AutoCert = {
  host: 'www.example.org',
  app: 'shop',
  state: 'issued',
  issuer: "/C=US/O=Let's Encrypt/CN=R3",
  expires: '2026-06-20T00:00:00Z',
  next: '2026-06-10T00:00:00Z',
  attempts: 0,
  error: null,
}
const error = { type: 'unreachable', detail: 'ECONNREFUSED', at: '2026-06-01T00:00:00Z' }

test('one that is there says when it is renewed', () => {
  expect(autoCertLines([cert], now).at(-1)).toBe(
    "  www.example.org | issued | Let's Encrypt R3 | 20 Jun 2026 (in 19 days) | renewal 10 Jun 2026",
  )
})

test.each<[Partial<AutoCert>, string[]]>([
  [
    { attempts: 2 },
    [
      ' !    www.example.org: ECONNREFUSED',
      '      Its certificate serves until it expires: 2026-06-20T00:00:00Z',
      '      2 tries; the next one: 2026-06-10T00:00:00Z',
    ],
  ],
  [
    { attempts: 1, expires: '2026-05-20T00:00:00Z' },
    [
      ' !    www.example.org: ECONNREFUSED',
      '      Its certificate has expired: 2026-05-20T00:00:00Z',
      '      1 try; the next one: 2026-06-10T00:00:00Z',
    ],
  ],
  [
    { attempts: 1, expires: null },
    [' !    www.example.org: ECONNREFUSED', '      1 try; the next one: 2026-06-10T00:00:00Z'],
  ],
])('one whose last try failed says what is left: %j', (more, lines) => {
  expect(autoCertLines([{ ...cert, state: 'failed', error, ...more }], now).slice(3)).toEqual(lines)
})
