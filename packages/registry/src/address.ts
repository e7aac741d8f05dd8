// Which network addresses may a host that a user named not lead us to?
import { lookup } from 'node:dns'
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net'

/** A name that leads to this machine, or to the machines' metadata services with their credentials. */
export class AddressRefused extends Error {
  readonly host: string
  constructor(host: string, address: string) {
    super(host === address ? `${host} is an address of the platform itself` : `${host} resolves to ${address}`)
    this.name = 'AddressRefused'
    this.host = host
  }
}

// Private ranges are not among them: that is where companies have their registries. What protects the other services
// there is that only HTTPS with a valid certificate is spoken unless the operator lists the host.
const offLimits = new BlockList()
const subnets: readonly [string, number, 'ipv4' | 'ipv6'][] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4'],
  // The metadata services of Alibaba and Azure are elsewhere.
  ['100.100.100.200', 32, 'ipv4'],
  ['168.63.129.16', 32, 'ipv4'],
  ['::', 127, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
  // IPv4 in disguise.
  ['64:ff9b::', 96, 'ipv6'],
  ['fd00:ec2::254', 128, 'ipv6'],
]
for (const [net, prefix, family] of subnets) offLimits.addSubnet(net, prefix, family)

/** `address` as in a URL's hostname, without brackets. */
export const isOffLimits = (address: string): boolean => offLimits.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')

/** @throws AddressRefused for an address; names are looked at when they are resolved, by `guardedLookup`. */
export function refuseOffLimits(hostname: string): void {
  const host = hostname.replace(/^\[|\]$/g, '')
  if (isIP(host) !== 0 && isOffLimits(host)) throw new AddressRefused(host, host)
}

/** Looks at exactly the addresses that are connected to, so that a name cannot change in between. */
export const guardedLookup: LookupFunction = (hostname, options, done) => {
  lookup(hostname, options, (error, address, family) => {
    if (error) return done(error, address, family)
    const found = typeof address === 'string' ? [address] : (address as { address: string }[]).map((one) => one.address)
    const bad = found.find(isOffLimits)
    if (bad === undefined) done(null, address, family)
    else done(new AddressRefused(hostname, bad), '')
  })
}
