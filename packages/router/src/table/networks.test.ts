// Are exactly the addresses of a list in it?
import { expect, test } from 'vitest'
import { networksOf } from './networks.ts'

test.each([
  ['10.0.0.1', '10.0.0.1', true],
  ['10.0.0.1', '10.0.0.2', false],
  ['10.0.0.1', '::ffff:10.0.0.1', true],
  ['10.0.0.1', '::ffff:a00:1', true],
  ['10.0.0.1/32', '10.0.0.1', true],
  ['10.0.0.1/32', '10.0.0.2', false],
  ['10.1.2.3/8', '10.200.0.1', true],
  ['10.1.2.3/8', '11.1.2.3', false],
  ['10.1.2.3/31', '10.1.2.2', true],
  ['10.1.2.3/31', '10.1.2.4', false],
  ['0.0.0.0/0', '192.0.2.1', true],
  ['0.0.0.0/0', '2001:db8::1', false],
  ['::/0', '2001:db8::1', true],
  ['::/0', '192.0.2.1', false],
  ['::/0', '::ffff:192.0.2.1', false],
  ['2001:db8::1', '2001:0db8:0::1', true],
  ['2001:db8::1', '2001:db8::2', false],
  ['2001:db8:1::1/33', '2001:db8:7fff::', true],
  ['2001:db8:1::1/33', '2001:db8:8000::', false],
  ['2001:DB8::/128', '2001:db8::', true],
  ['fe80::/10', 'fe80::1%eth0', true],
  ['::ffff:10.0.0.0/104', '10.9.9.9', true],
  ['::ffff:10.0.0.0/104', '11.9.9.9', false],
  ['::ffff:10.0.0.1', '10.0.0.1', true],
  ['::ffff:10.0.0.1/64', '10.0.0.1', false],
])('%s, %s: %s', (entry, address, expected) => {
  const networks = networksOf([entry])
  expect(networks.invalid).toEqual([])
  expect(networks.has(address)).toBe(expected)
})

test.each([
  '',
  '*',
  'localhost',
  '10.0.0',
  '010.0.0.1',
  '10.0.0.1/33',
  '10.0.0.1/',
  '10.0.0.1/8/8',
  '10.0.0.1/-1',
  '10.0.0.1/0x8',
  '10.0.0.1/ 8',
  ' 10.0.0.1',
  '10.0.0.1-10.0.0.9',
  '2001:db8::/129',
  'fe80::1%eth0',
  '"0.0.0.0/0"',
])('nothing is in %j', (entry) => {
  const networks = networksOf([entry, '192.0.2.1'])
  expect(networks.invalid).toEqual([entry])
  for (const address of ['10.0.0.1', '127.0.0.1', '2001:db8::1', 'fe80::1', ''])
    expect(networks.has(address)).toBe(false)
  expect(networks.has('192.0.2.1')).toBe(true)
})

test('no address is in an empty list, and text that is not an address is in none', () => {
  expect(networksOf([]).has('10.0.0.1')).toBe(false)
  for (const odd of ['', 'x', '10.0.0.1:80', '%']) expect(networksOf(['0.0.0.0/0', '::/0']).has(odd)).toBe(false)
})
