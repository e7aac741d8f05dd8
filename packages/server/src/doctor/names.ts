// Do the names of the platform lead to this machine?
import type { Check } from '@deis/types'

export type Name = {
  readonly name: string
  /** What DNS says; empty: no such name, or no answer. */
  readonly found: readonly string[]
}

/** `addresses`: of this machine. Behind a router of the network, or a load balancer, it does not have its public one. */
export function nameChecks(names: readonly Name[], addresses: readonly string[]): Check[] {
  return names.map(({ name, found }): Check => {
    const check = `DNS ${name}`
    if (found.length === 0)
      return {
        name: check,
        status: 'limited',
        concern: 'broken',
        detail: 'leads nowhere: add an A or AAAA record with the public address of this machine',
      }
    const detail = `leads to ${found.join(', ')}`
    if (found.some((address) => addresses.includes(address))) return { name: check, status: 'ok', detail }
    return {
      name: check,
      status: 'limited',
      detail: `${detail}; this machine has ${addresses.join(', ') || 'no address'}: right only if that forwards to it`,
    }
  })
}
