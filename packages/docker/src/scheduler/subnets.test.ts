// Does every app get a network of its own, beside all that is there?
import { expect, test } from 'vitest'
import { freeSubnets, rangeOf, routed } from './subnets.ts'

const first = (pools: string[], taken: string[], count: number): string[] => {
  const found = freeSubnets(pools, taken)
  return Array.from({ length: count }, () => found.next().value ?? '-')
}

test.each([
  [['10.201.0.0/16'], [], ['10.201.0.0/26', '10.201.0.64/26', '10.201.0.128/26']],
  [['10.201.0.0/16'], ['10.201.0.0/26', '10.201.0.128/25'], ['10.201.0.64/26', '10.201.1.0/26', '10.201.1.64/26']],
  [['10.201.0.0/25'], ['10.0.0.0/8'], ['-', '-', '-']],
  [
    ['10.1.0.0/25', '10.2.0.0/26'],
    ['10.1.0.5/32', 'fd00::/8'],
    ['10.1.0.64/26', '10.2.0.0/26', '-'],
  ],
  [['nonsense', '999.0.0.0/8'], [], ['-', '-', '-']],
])('of %j beside %j', (pools, taken, expected) => {
  expect(first(pools, taken, 3)).toEqual(expected)
})

test('1024 apps fit into the default', () => {
  expect([...freeSubnets(['10.201.0.0/16'], [])]).toHaveLength(1024)
})

test('a network is given by any address in it', () => {
  expect(rangeOf('10.1.2.3/24')).toEqual(rangeOf('10.1.2.0/24'))
})

test('routes of this machine are taken', () => {
  const table = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0
tun0\t0000C90A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
eth0\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
`
  expect(routed(table)).toEqual(['10.201.0.0/16', '192.168.0.0/24'])
})
