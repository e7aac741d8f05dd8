// What is a request to an app answered with before the app is asked?
import type { AppRoute } from '@deis/types'
import { networksOf, type Networks } from '../table/networks.ts'
import { maintenance, page, type Page, redirect } from './pages.ts'
import type { Forwardable } from './request.ts'

export type Asked = Pick<Forwardable, 'method' | 'target' | 'host' | 'body' | 'upgrade' | 'address' | 'secure'>

type Gate = {
  /** Where clients find TLS. */
  readonly tlsPort: number
  readonly log: (line: string) => void
}

// For as long as the table has the route.
const whitelists = new WeakMap<AppRoute, Networks>()

function admits(app: AppRoute, entries: readonly string[], address: string, log: Gate['log']): boolean {
  let networks = whitelists.get(app)
  if (networks === undefined) {
    networks = networksOf(entries)
    whitelists.set(app, networks)
    if (networks.odd.length > 0)
      log(
        `the whitelist of ${app.app} has what is no address or network, which admits nobody: ${networks.odd.join(', ')}`,
      )
  }
  return networks.has(address)
}

function encrypted({ host, target, body, upgrade }: Asked, tlsPort: number): Page {
  const scheme = upgrade?.toLowerCase() === 'websocket' ? 'wss' : 'https'
  const port = tlsPort === 443 ? '' : `:${tlsPort}`
  const path = target.startsWith('/') ? target : '/'
  return redirect(body === 'none' ? 301 : 308, `${scheme}://${host}${port}${path}`)
}

/** Null: it may pass. Those who are not admitted learn nothing else of the app, not even that it is in maintenance. */
export function gate(app: AppRoute, asked: Asked, { tlsPort, log }: Gate): Page | null {
  if (app.whitelist !== undefined && !admits(app, app.whitelist, asked.address, log)) return page(403)
  if (app.maintenance) return maintenance
  if (app.enforceTls && !asked.secure) return encrypted(asked, tlsPort)
  return null
}
