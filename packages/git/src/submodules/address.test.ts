// Which addresses of submodules are fetched from, and which never?
import { expect, test } from 'vitest'
import { addressOf, NotAllowed, readHost } from './address.ts'
import { isPublic } from '@deis/lib/public-address'
import { addressesOf } from './host.ts'

const base = 'https://h.example/org/app'

test.each([
  ['https://h.example/a.git', null, ['h.example'], 'https://h.example/a.git'],
  ['https://H.example:443/a', null, ['h.example'], 'https://h.example/a'],
  ['https://h.example/a', null, ['*'], 'https://h.example/a'],
  ['https://h.example:8443/a', null, ['h.example:8443'], 'https://h.example:8443/a'],
  ['../lib.git', base, ['h.example'], 'https://h.example/org/lib.git'],
  ['./lib', base, ['h.example'], 'https://h.example/org/app/lib'],
  ['../../../../x', base, ['h.example'], 'https://h.example/x'],
])('%s from %s with %j is %s', (text, from, allowed, url) => {
  expect(addressOf(text, from, allowed).url).toBe(url)
})

test.each([
  ['http://h.example/a', null, ['*'], 'is not an https:// address'],
  ['git@h.example:a/b', null, ['*'], 'is not an https:// address'],
  ['ssh://git@h.example/a', null, ['*'], 'is not an https:// address'],
  ['file:///etc', null, ['*'], 'is not an https:// address'],
  ['ext::sh -c x', null, ['*'], 'its address is not valid'],
  ['--upload-pack=x', null, ['*'], 'is not an https:// address'],
  ['/etc', base, ['*'], 'is not an https:// address'],
  ['../x', null, ['*'], 'is relative'],
  ['https://u:p@h.example/a', null, ['*'], 'a user name or a password'],
  ['https://u@h.example/a', null, ['*'], 'a user name or a password'],
  ['https://h.example/a?x=y', null, ['*'], 'not the address of a repository'],
  ['https://other.example/a', null, ['h.example'], 'DEIS_GIT_SUBMODULES does not allow other.example'],
  ['https://h.example:8443/a', null, ['*', 'h.example'], 'does not allow h.example:8443'],
  ['https://h.example.evil.example/a', null, ['h.example'], 'does not allow'],
  [`https://h.example/${'a'.repeat(3000)}`, null, ['*'], 'its address is not valid'],
  ['https://h.example/a\u001b[2J', null, ['*'], 'its address is not valid'],
])('%s from %s with %j is not fetched', (text, from, allowed, why) => {
  expect(() => addressOf(text, from, allowed)).toThrow(NotAllowed)
  expect(() => addressOf(text, from, allowed)).toThrow(why)
})

test('a host of that name is not what * allows by name, so its addresses are looked at', () => {
  expect(addressOf('https://*/x', null, ['*']).named).toBe(false)
  expect(addressOf('https://h.example/x', null, ['h.example']).named).toBe(true)
})

test.each([
  ['github.com', 'github.com'],
  ['GitHub.com:443', 'github.com'],
  ['git.internal:8443', 'git.internal:8443'],
  ['[::1]:8443', '[::1]:8443'],
  ['*', '*'],
  ['https://github.com', null],
  ['github.com/org', null],
  ['*.github.com', null],
  ['user@github.com', null],
  ['a b', null],
])('DEIS_GIT_SUBMODULES=%s means %s', (item, host) => {
  expect(readHost(item)).toBe(host)
})

test.each(['8.8.8.8', '140.82.121.3', '2606:50c0:8000::153'])('%s is public', (address) => {
  expect(isPublic(address)).toBe(true)
})

test.each([
  '127.0.0.1',
  '10.1.2.3',
  '172.31.0.1',
  '192.168.0.1',
  '169.254.169.254',
  '100.64.0.1',
  '0.0.0.0',
  '224.0.0.1',
  '::1',
  '::',
  'fe80::1',
  'fc00::1',
  'fd00:ec2::254',
  '::ffff:127.0.0.1',
  '64:ff9b::7f00:1',
  '2002:7f00:1::',
])('%s is not public', (address) => {
  expect(isPublic(address)).toBe(false)
})

const open = new AbortController().signal

test('every address of a host is looked at, also of one that hides behind another way to write it', async () => {
  const { host } = addressOf('https://2130706433/a', null, ['*'])
  await expect(addressesOf(host, false, open)).rejects.toThrow('127.0.0.1 is at 127.0.0.1, which is not an address on')
  await expect(addressesOf('localhost', false, open)).rejects.toThrow('which is not an address on the public internet')
  expect(await addressesOf('127.0.0.1', true, open)).toEqual(['127.0.0.1'])
  await expect(addressesOf('nowhere.invalid', true, open)).rejects.toThrow(
    'the host name "nowhere.invalid" could not be resolved',
  )
  await expect(addressesOf('nowhere.invalid', true, AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop')
})
