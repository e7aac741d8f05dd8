// Does what a CA answers become something that a person can act upon?
import { expect, test } from 'vitest'
import { detailOf, inWords, problemOf, retryAfterOf } from './problem.ts'

const error = (type: string): string => `urn:ietf:params:acme:error:${type}`

test.each([
  [
    { type: error('unauthorized'), detail: 'returned 404' },
    { type: 'unauthorized', detail: 'returned 404' },
  ],
  [
    { type: error('compound'), detail: 'several', subproblems: [{ type: error('caa'), detail: 'CAA forbids' }] },
    { type: 'caa', detail: 'several: CAA forbids' },
  ],
  [
    { type: error('dns'), subproblems: [] },
    { type: 'dns', detail: '' },
  ],
  [{ detail: `\u001b[31mred\nline${'x'.repeat(900)}` }, { type: 'unknown', detail: `[31mred line${'x'.repeat(488)}` }],
  ['<html>', { type: 'unknown', detail: '' }],
  [null, { type: 'unknown', detail: '' }],
  [
    { type: 7, detail: ['x'] },
    { type: 'unknown', detail: '' },
  ],
])('%j', (document, found) => {
  expect(detailOf(document)).toEqual(found)
})

const now = Date.parse('2026-01-01T00:00:00Z')
test.each([
  [undefined, null],
  ['120', 120_000],
  ['Thu, 01 Jan 2026 00:01:00 GMT', 60_000],
  ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
  ['-5', expect.anything()],
  ['soon', null],
])('Retry-After %j', (header, ms) => {
  expect(retryAfterOf(header, now)).toEqual(ms)
})

test('an error without a type is named by its status', () => {
  expect(problemOf(429, { 'retry-after': '60' }, 'slow down')).toMatchObject({
    type: 'rateLimited',
    message: 'the CA answered 429',
    retryAfterMs: 60_000,
  })
  expect(problemOf(503, {}, null)).toMatchObject({ type: 'unknown', message: 'the CA answered 503' })
})

test('a type that people cannot act upon has no hint', () => {
  expect(inWords('serverInternal', 'oops')).toBe('oops')
  expect(inWords('rateLimited', 'too many')).toMatch(/^too many \(.+\)$/)
})
