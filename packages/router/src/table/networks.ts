// Is an address in a list of addresses and networks?
import { BlockList, isIP, isIPv4 } from 'node:net'

export type Networks = {
  has(address: string): boolean
  /** Entries that are neither an address nor a network: they match nothing. */
  readonly invalid: readonly string[]
}

const mapped = new BlockList()
mapped.addSubnet('::ffff:0:0', 96, 'ipv6')

/** IPv4 written as IPv6 counts as IPv4, in the list and when asked for; no other IPv6 network has IPv4 addresses in it. */
export function networksOf(entries: readonly string[]): Networks {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() }
  const invalid = entries.filter((entry) => {
    const [address = '', prefix, ...more] = entry.split('/')
    const bits = address.includes('%') ? 0 : { 0: 0, 4: 32, 6: 128 }[isIP(address)]!
    if (bits === 0 || more.length > 0) return true
    if (prefix !== undefined && !/^\d{1,3}$/.test(prefix)) return true
    const length = Number(prefix ?? bits)
    if (length > bits) return true
    const family = bits === 32 ? 'ipv4' : 'ipv6'
    const list = bits === 32 || (length >= 96 && mapped.check(address, 'ipv6')) ? lists.ipv4 : lists.ipv6
    list.addSubnet(address, length, family)
    return false
  })
  return {
    invalid,
    has(written) {
      const address = written.split('%', 1)[0]!
      if (isIPv4(address)) return lists.ipv4.check(address, 'ipv4')
      if (isIP(address) === 0) return false
      return mapped.check(address, 'ipv6') ? lists.ipv4.check(address, 'ipv6') : lists.ipv6.check(address, 'ipv6')
    },
  }
}
