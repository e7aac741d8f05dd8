// How is an app reached from outside, and who has to know (contract/api.md §4.4, design §6)?
import { DeisError, messageOf } from '@deis/types'
import type { Edge } from '../scheduler/port.ts'
import type { Core } from './core.ts'
import { publishRoutes } from './routing.ts'

async function edgeOf(core: Core, id: string): Promise<Edge | null> {
  const app = await core.db.app.findUnique({
    where: { id },
    select: {
      destroying: true,
      domains: { select: { domain: true }, orderBy: { id: 'asc' } },
      settings: { orderBy: { createdAt: 'desc' }, take: 1 },
    },
  })
  if (!app || app.destroying) return null
  const [settings] = app.settings
  return {
    app: id,
    hosts: app.domains.map(({ domain }) => domain),
    routable: settings?.routable ?? true,
    maintenance: settings?.maintenance ?? false,
    whitelist: (settings?.whitelist ?? []) as string[],
    enforceTls: false,
    certificates: [],
  }
}

/** Brings the backend to what is stored. */
export async function exposeApp(core: Core, id: string, signal: AbortSignal): Promise<void> {
  const edge = await edgeOf(core, id)
  if (!edge) return
  try {
    await core.scheduler.expose(edge, signal)
  } catch (error) {
    signal.throwIfAborted()
    throw new DeisError('unavailable', `Could not update Kubernetes Service ${id}: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

/** Brings the routers, also those of other controllers, to what is stored. */
export async function routesChanged(core: Core, id: string): Promise<void> {
  core.peers.tell({ kind: 'app', app: id })
  await publishRoutes(core, id)
}
