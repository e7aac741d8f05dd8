// Is the digest of a pushed image read from what engines say?
import { expect, test } from 'vitest'
import { digestIn } from './push.ts'

const digest = `sha256:${'7c'.repeat(32)}`
const said = (status: unknown): string => JSON.stringify({ status })

test.each([
  // As 20.10 and 28.5 say it, with both stores of images.
  [said(`v7-1a2b: digest: ${digest} size: 503`), digest],
  [said(`v8: digest: ${digest} size: 503`), null],
  [said(`v7-1a2b: digest: ${digest.slice(0, -1)} size: 503`), null],
  [said(`v7-1a2b: digest: ${digest} size: 503 and more`), null],
  [said('Layer already exists'), null],
  [said(7), null],
  ['{"status":', null],
  ['null', null],
])('%.60s', (line, expected) => {
  expect(digestIn(line, 'v7-1a2b')).toBe(expected)
})
