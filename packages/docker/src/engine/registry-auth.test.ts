// Can an engine read the credentials, whatever their length and letters are?
import { expect, test } from 'vitest'
import { authHeader } from './registry-auth.ts'

test.each(['', 'a', 'ab', 'abc', '???>>>', 'ÿÿÿ'])('a password %j', (password) => {
  const header = authHeader({ password })
  expect(header).toMatch(/^[\w-]+={0,2}$/)
  expect(header.length % 4).toBe(0)
  expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual({ password })
})
