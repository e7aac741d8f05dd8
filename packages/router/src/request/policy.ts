// Which requests does the router answer itself, by the app's whitelist, maintenance mode and TLS setting?
import type { AppRoute } from '@deis/types'
import { findCertificate } from '../table/certificates.ts'
import type { Table } from '../table/table.ts'
import { networksOf, type Networks } from '../table/networks.ts'
import { maintenance, page, type Page, redirect } from './pages.ts'
import type { Forwardable } from './request.ts'

export type Asked = Pick<Forwardable, 'method' | 'target' | 'host' | 'body' | 'upgrade' | 'address' | 'secure'>

type PolicyOptions = {
  /** Where clients find TLS. */
  readonly tlsPort: number
  /** Whether there is such a port, of the router or of a proxy before it that the operator named. */
  readonly hasTls: boolean
  readonly table: () => Table
  readonly log: (line: string) => void
}

// For as long as the table has the route.
const whitelists = new WeakMap<AppRoute, Networks>()

function admits(app: AppRoute, entries: readonly string[], address: string, log: PolicyOptions['log']): boolean {
  let networks = whitelists.get(app)
  if (networks === undefined) {
    networks = networksOf(entries)
    whitelists.set(app, networks)
    if (networks.invalid.length > 0)
      log(`the whitelist of "${app.app}" has invalid entries, which match no address: ${networks.invalid.join(', ')}`)
  }
  return networks.has(address)
}

function encrypted({ host, target, body, upgrade }: Asked, tlsPort: number): Page {
  const scheme = upgrade?.toLowerCase() === 'websocket' ? 'wss' : 'https'
  const port = tlsPort === 443 ? '' : `:${tlsPort}`
  const path = target.startsWith('/') ? target : '/'
  return redirect(body === 'none' ? 301 : 308, `${scheme}://${host}${port}${path}`)
}

/** Null: it may pass. Clients that are not admitted learn nothing else about the app, not even that it is in maintenance. */
export function checkPolicy(app: AppRoute, asked: Asked, options: PolicyOptions): Page | null {
  const { tlsPort, log } = options
  if (app.whitelist !== undefined && !admits(app, app.whitelist, asked.address, log)) return page(403)
  if (app.maintenance) return maintenance
  if (asked.secure) return null
  if (app.enforceTls) return encrypted(asked, tlsPort)
  // By itself, but never to where a browser would only see a warning.
  if (app.redirectTls && options.hasTls && findCertificate(options.table(), asked.host) !== undefined)
    return encrypted(asked, tlsPort)
  return null
}
