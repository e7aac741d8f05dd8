// Has each error the text that scripts match?
import { describe, expect, test } from 'vitest'
import { getApp } from '@deis/types'
import { refusal, unreachable } from './failure.ts'

const messageOf = (status: number, text: string): string =>
  refusal({ status, text }, getApp, 'http://deis.example.com').message
const fields = (field: string, ...messages: string[]): string => JSON.stringify({ [field]: messages })
const detail = (text: string): string => JSON.stringify({ detail: text })
const blank = 'This field may not be blank.'
const username = 'Enter a valid username. This value may contain only letters, numbers and @/./+/-/_ characters.'

describe('known messages', () => {
  test.each([
    [fields('username', blank), username],
    [fields('username', username), username],
    [fields('username', 'A user with that username already exists.'), 'A user with that username already exists.'],
    [fields('password', blank), 'A password is required.'],
    [
      fields('non_field_errors', 'Unable to log in with provided credentials.'),
      'Unable to log in with provided credentials.',
    ],
    [
      fields('id', 'long sentence', 'App name can only contain a-z (lowercase), 0-9 and hyphens'),
      'App name can only contain a-z (lowercase), 0-9 and hyphens',
    ],
    [fields('id', 'Application with this id already exists.'), 'Application with this id already exists.'],
    [fields('key', 'Public Key is already in use'), 'Public Key is already in use'],
    [fields('public', 'Public Key is already in use'), 'Public Key is already in use'],
    [fields('public', blank), 'A key is required.'],
    [fields('certificate', 'Could not load certificate: x'), 'Could not load certificate'],
    [fields('name', blank), 'Name can only contain a-z (lowercase), 0-9 and hyphens'],
    [fields('domain', 'Hostname does not look valid.'), 'Hostname does not look valid.'],
    [fields('image', blank), 'An image is required.'],
    [fields('id', blank), 'An id is required.'],
    [fields('email', 'Enter a valid email address.'), 'Enter a valid email address.'],
  ])('%s', (text, shown) => {
    expect(messageOf(400, text)).toBe(shown)
  })
})

describe('everything else', () => {
  test.each([
    [400, '{"a":["one","two"],"b":["three"]}', 'a: one\na: two\nb: three'],
    [400, detail(String.raw`first\nsecond`), 'first\nsecond'],
    [400, detail('No nodes matched the provided labels: a=b'), 'No nodes matched the provided labels: a=b'],
    [400, '["The address X is not valid"]', 'The address X is not valid'],
    [400, 'nonsense', 'Unknown Error (400): nonsense'],
    [401, detail('Invalid token.'), 'Unauthorized: Missing or Invalid Token'],
    [401, '', 'Unauthorized: Missing or Invalid Token'],
    [401, detail('Current password does not match'), 'Current password does not match'],
    [403, '', 'You do not have permission to perform this action.'],
    [
      403,
      detail('You do not have permission to perform this action.'),
      'You do not have permission to perform this action.',
    ],
    [
      403,
      detail('Registration is disabled'),
      'You do not have permission to perform this action.\nRegistration is disabled',
    ],
    [404, '"No App matches the given query."', '"No App matches the given query."'],
    [404, '', 'Not Found'],
    [404, detail('Container type x does not exist in application'), 'Container type x does not exist in application'],
    [404, '<html>', 'Not Found: the controller does not have GET /v2/apps/:id/'],
    [405, 'x', 'Method Not Allowed'],
    [409, detail('bob changed nothing'), 'bob changed nothing'],
    [409, '{}', 'Unknown Error (409): {}'],
    [422, detail('A does not exist under values'), 'Unable to process your request: A does not exist under values'],
    [429, detail('Slow down'), 'Slow down'],
    [500, detail('Server Error'), 'Internal Server Error'],
    [503, detail('(scale): no nodes'), '(scale): no nodes'],
    [503, 'busy', 'Unknown Error (503): busy'],
    [504, '<html>', 'Unknown Error (504): a proxy in front of the controller got no answer from it.'],
  ])('%i %s', (status, text, shown) => {
    expect(messageOf(status, text)).toBe(shown)
  })
})

test.each([
  ['ECONNREFUSED', 'Cannot reach the controller at http://x: connection refused'],
  ['ENOTFOUND', 'Cannot reach the controller at http://x: no such host'],
  ['ODD', 'Cannot reach the controller at http://x: odd'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'The certificate of http://x is not trusted: odd (SELF_SIGNED_CERT_IN_CHAIN)'],
])('%s has its message', (code, message) => {
  expect(unreachable(Object.assign(new Error('odd'), { code }), 'http://x').message).toBe(message)
})
