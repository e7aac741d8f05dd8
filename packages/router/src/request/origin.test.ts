// Whose word about a client counts?
import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { networksOf } from '../table/networks.ts'
import { originOf } from './origin.ts'

const trusted = networksOf(['10.0.0.0/8', 'fd00::/8'])

function origin(peer: string, headers: readonly string[], encrypted = false, trusts = true) {
  const socket = { remoteAddress: peer, ...(encrypted ? { encrypted } : {}) } as unknown as Socket
  const rawHeaders = headers.flatMap((line) => [
    line.slice(0, line.indexOf(':')),
    line.slice(line.indexOf(':') + 1).trim(),
  ])
  return originOf({ trusted: trusts ? trusted : null, port: 80, tlsPort: 443 }, socket, { rawHeaders })
}

test.each([
  ['192.0.2.1', [], '192.0.2.1'],
  ['::ffff:192.0.2.1', [], '192.0.2.1'],
  ['192.0.2.1', ['X-Forwarded-For: 198.51.100.1'], '192.0.2.1'],
  ['10.0.0.1', [], '10.0.0.1'],
  ['10.0.0.1', ['X-Forwarded-For: 198.51.100.1'], '198.51.100.1'],
  ['::ffff:10.0.0.1', ['x-forwarded-for: 198.51.100.1'], '198.51.100.1'],
  ['fd00::1', ['X-Forwarded-For: 2001:db8::1'], '2001:db8::1'],
  ['10.0.0.1', ['X-Forwarded-For: 192.0.2.9, 198.51.100.1'], '198.51.100.1'],
  ['10.0.0.1', ['X-Forwarded-For: 198.51.100.1, 10.9.9.9'], '198.51.100.1'],
  ['10.0.0.1', ['X-Forwarded-For: 198.51.100.1', 'X-Forwarded-For: 10.9.9.9'], '198.51.100.1'],
  ['10.0.0.1', ['X-Forwarded-For: 10.8.8.8, 10.9.9.9'], '10.8.8.8'],
  ['10.0.0.1', ['X-Forwarded-For: 198.51.100.1, unknown'], '10.0.0.1'],
  ['10.0.0.1', ['X-Forwarded-For: 198.51.100.1, , 10.9.9.9'], '10.9.9.9'],
  ['10.0.0.1', ['X-Forwarded-For: 198.51.100.1:4711'], '198.51.100.1'],
  ['10.0.0.1', ['X-Forwarded-For: [2001:db8::1]:4711'], '2001:db8::1'],
  ['10.0.0.1', ['X-Forwarded-For: [2001:db8::1]'], '2001:db8::1'],
] as const)('%s with %j is %s', (peer, headers, address) => {
  expect(origin(peer, headers).address).toBe(address)
})

test.each([
  ['10.0.0.1', [], { secure: false, port: 80 }],
  ['10.0.0.1', ['X-Forwarded-Proto: https'], { secure: true, port: 443 }],
  ['10.0.0.1', ['X-Forwarded-Proto: wss'], { secure: true, port: 443 }],
  ['10.0.0.1', ['X-Forwarded-Proto: https, http'], { secure: false, port: 80 }],
  ['10.0.0.1', ['X-Forwarded-Proto: http, HTTPS'], { secure: true, port: 443 }],
  ['10.0.0.1', ['X-Forwarded-Proto: https', 'X-Forwarded-Port: 8443'], { secure: true, port: 8443 }],
  ['10.0.0.1', ['X-Forwarded-Port: 0'], { secure: false, port: 80 }],
  ['10.0.0.1', ['X-Forwarded-Port: 1e9'], { secure: false, port: 80 }],
  ['10.0.0.1', ['X-Forwarded-Port: x\u0000'], { secure: false, port: 80 }],
  ['192.0.2.1', ['X-Forwarded-Proto: https', 'X-Forwarded-Port: 8443'], { secure: false, port: 80 }],
] as const)('%s with %j came so: %j', (peer, headers, expected) => {
  expect(origin(peer, headers)).toMatchObject(expected)
})

test('real TLS always counts, and without trusted proxies only that', () => {
  expect(origin('10.0.0.1', ['X-Forwarded-Proto: http'], true)).toMatchObject({ secure: true, port: 443 })
  expect(origin('192.0.2.1', [], true)).toMatchObject({ secure: true, port: 443 })
  const said = ['X-Forwarded-Proto: https', 'X-Forwarded-For: 198.51.100.1']
  expect(origin('10.0.0.1', said, false, false)).toEqual({ address: '10.0.0.1', secure: false, port: 80 })
})
