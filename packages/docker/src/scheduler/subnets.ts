// Which part of the platform's networks does the next app get?
import { isIPv4 } from 'node:net'

/** Containers of an app at once: 61, and the engine's own address. */
const bits = 26

export type Range = { readonly first: number; readonly last: number }

/** `10.1.0.0/16`; null: it is not one, or IPv6. */
export function rangeOf(cidr: string): Range | null {
  const [, address = '', length = ''] = /^(\d{1,3}(?:\.\d{1,3}){3})\/(\d{1,2})$/.exec(cidr) ?? []
  if (!isIPv4(address) || Number(length) > 32) return null
  const number = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
  const size = 2 ** (32 - Number(length))
  const first = number - (number % size)
  return { first, last: first + size - 1 }
}

const text = (number: number): string => [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.')

/** Networks of one app's size, in order, that overlap with none that is taken. */
export function* freeSubnets(pools: readonly string[], taken: readonly string[]): Generator<string> {
  const ranges = taken.flatMap((one) => rangeOf(one) ?? [])
  const size = 2 ** (32 - bits)
  for (const pool of pools) {
    const whole = rangeOf(pool)
    if (!whole) continue
    for (let first = whole.first; first + size - 1 <= whole.last; first += size) {
      const last = first + size - 1
      if (!ranges.some((range) => range.first <= last && range.last >= first)) yield `${text(first)}/${bits}`
    }
  }
}

/** Networks that this machine has ways to: a table like /proc/net/route, whose numbers have their bytes turned round. */
export function routed(table: string): string[] {
  const turned = (hex: string): number =>
    Array.from({ length: 4 }, (_, at) => Number.parseInt(hex.slice(at * 2, at * 2 + 2), 16)).reduceRight(
      (sum, part) => sum * 256 + part,
      0,
    )
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .flatMap(([, destination = '', , , , , , mask = '']) => {
      if (!/^[0-9A-F]{8}$/.test(destination) || !/^[0-9A-F]{8}$/.test(mask) || mask === '00000000') return []
      const length = turned(mask)
        .toString(2)
        .replace(/(?<!0)0+$/, '').length
      return [`${text(turned(destination))}/${length}`]
    })
}
