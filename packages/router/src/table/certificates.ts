// Which certificate answers for a name?
import type { AppRoute } from '@deis/types'
import { findApp, type Table } from './table.ts'

export type Certificate = NonNullable<AppRoute['certificates']>[number]

/** How much of the name the certificate's host says; 0: it is for another. A host without a dot is under the platform's domain. */
function likeness(written: string, name: string, domain: string): number {
  const host = written.toLowerCase().replace(/\.$/, '')
  if (host.startsWith('*.')) return name.endsWith(host.slice(1)) ? host.length : 0
  const label = !host.includes('.')
  const exact = label && domain !== '' ? `${host}.${domain}` : host
  return exact === name || (label && domain === '' && name.startsWith(`${host}.`)) ? Infinity : 0
}

/**
 * `name` as hostOf gives it. Only one of the app that the name leads to: an exact host, else its longest wildcard. So no app
 * speaks for the names of another.
 */
export function findCertificate(table: Table, name: string): Certificate | undefined {
  const domain = table.domain.toLowerCase().replace(/\.$/, '')
  let found: Certificate | undefined
  let most = 0
  for (const one of findApp(table, name)?.certificates ?? []) {
    const like = likeness(one.host, name, domain)
    if (like > most) {
      found = one
      most = like
    }
  }
  return found
}
