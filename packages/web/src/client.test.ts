// What does a person read of an error that the API answers?
import { expect, test } from 'vitest'
import { errorText } from './client.ts'

test.each([
  [403, { detail: 'You do not have permission.' }, 'You do not have permission.'],
  [400, { username: ['This field is required.'], password: ['Too short.'] }, 'This field is required. Too short.'],
  [404, 'No App matches the given query.', 'No App matches the given query.'],
  [400, ['one', ['two']], 'one two'],
  [502, null, 'The platform answered with status 502.'],
  [500, { detail: '' }, 'The platform answered with status 500.'],
])('%d %j', (status, body, text) => {
  expect(errorText(status, body)).toBe(text)
})

test('a text of any length is cut', () => {
  expect(errorText(500, { detail: 'x'.repeat(10_000) })).toHaveLength(2_000)
})
