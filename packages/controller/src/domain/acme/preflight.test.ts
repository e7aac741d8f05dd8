// Which names are not even asked for, and what is said about one that leads elsewhere?
import { expect, test } from 'vitest'
import { advice, unusable } from './preflight.ts'

test.each([
  ['shop.example.com', false, true],
  ['xn--bcher-kva.example', false, false],
  ['shop.localhost', false, false],
  ['shop.internal', false, false],
  ['shop.home.arpa', false, false],
  ['localhost', false, false],
  ['192.0.2.1', false, false],
  ['*.example.com', false, false],
  ['*.example.com', true, true],
  ['*.local', true, false],
  [`${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(20)}.com`, false, false],
])('%s, with a hook for DNS: %s, can have a certificate: %s', (host, hasHook, can) => {
  expect(unusable(host, hasHook) === null).toBe(can)
})

const target = 'shop.apps.example.com'
test.each([
  [
    [{ address: '198.51.100.3', problem: 'no answer on port 80: ECONNREFUSED' }],
    ['203.0.113.7'],
    '"www.shop.example" leads to 198.51.100.3 (no answer on port 80: ECONNREFUSED); it must have a CNAME record to shop.apps.example.com, or an A record to 203.0.113.7',
  ],
  [
    [
      { address: '203.0.113.7', problem: null },
      { address: '2001:db8::1', problem: 'something else answers there, with 404' },
    ],
    [],
    '"www.shop.example" leads to 2001:db8::1 (something else answers there, with 404); it must have a CNAME record to shop.apps.example.com',
  ],
  [
    [],
    ['2001:db8::7'],
    '"www.shop.example" has no address in DNS; it must have a CNAME record to shop.apps.example.com, or an AAAA record to 2001:db8::7',
  ],
])('%j', (found, addresses, text) => {
  expect(advice('www.shop.example', found, { target, addresses })).toBe(text)
})

test('a name of the platform has no other name to lead to', () => {
  expect(advice(target, [], { target, addresses: [] })).toBe(
    '"shop.apps.example.com" has no address in DNS; it must lead to this platform',
  )
})
