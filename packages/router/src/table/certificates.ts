// Which certificate is used for a name?
import type { AppRoute } from '@deis/types'
import { findApp, type Table } from './table.ts'

export type Certificate = NonNullable<AppRoute['certificates']>[number]

/** How specifically the certificate's host matches the name; 0: not at all. A host without a dot is under the platform's domain. */
function specificity(written: string, name: string, domain: string): number {
  const host = written.toLowerCase().replace(/\.$/, '')
  if (host.startsWith('*.')) return name.endsWith(host.slice(1)) ? host.length : 0
  const label = !host.includes('.')
  const exact = label && domain !== '' ? `${host}.${domain}` : host
  return exact === name || (label && domain === '' && name.startsWith(`${host}.`)) ? Infinity : 0
}

/**
 * `name` as hostOf returns it. Only certificates of the app with that name: an exact host, else its longest wildcard. So no app
 * can serve the names of another.
 */
export function findCertificate(table: Table, name: string): Certificate | undefined {
  const domain = table.domain.toLowerCase().replace(/\.$/, '')
  let found: Certificate | undefined
  let most = 0
  for (const one of findApp(table, name)?.certificates ?? []) {
    const like = specificity(one.host, name, domain)
    if (like > most) {
      found = one
      most = like
    }
  }
  return found
}
