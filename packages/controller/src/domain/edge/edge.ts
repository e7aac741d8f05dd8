// How is a change of an app's edge applied to the backend and the routers (docs/contract/api.md §4.4, docs/architecture.md)?
import { DeisError, messageOf, notFound } from '@deis/types'
import type { Edge } from '@deis/ports/scheduler'
import { backendWords } from '../backend-words.ts'
import type { Core } from '../core.ts'
import { publishRoutes } from './routing.ts'

/** A router that does not answer must not hold up a change for ever; its next snapshot is right in any case. */
const acknowledgeMs = 5_000

/** A queue of its own, so that a long deploy does not delay `maintenance:on`. What runs in the app's queue may wait for this one, never the other way round. */
const queueOf = (id: string): string => `edge/${id}`

/** What is stored; null: there is no such app. */
export async function edgeOf(core: Core, id: string): Promise<Edge | null> {
  const app = await core.db.app.findUnique({
    where: { id },
    select: {
      destroying: true,
      domains: { select: { domain: true, certificate: { select: { name: true } } }, orderBy: { id: 'asc' } },
      settings: { orderBy: { createdAt: 'desc' }, take: 1 },
      tls: { orderBy: { createdAt: 'desc' }, take: 1, select: { httpsEnforced: true } },
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
    enforceTls: app.tls[0]?.httpsEnforced ?? false,
    certificates: app.domains.flatMap(({ domain, certificate }) =>
      certificate ? [{ host: domain, name: certificate.name }] : [],
    ),
  }
}

async function expose(core: Core, id: string, signal: AbortSignal): Promise<void> {
  const edge = await edgeOf(core, id)
  if (!edge) return
  try {
    await core.scheduler.setEdge(edge, signal)
  } catch (error) {
    signal.throwIfAborted()
    const what = await backendWords(core, {
      cluster: `Could not update Kubernetes Service ${id}`,
      machine: `The routing of "${id}" could not be changed`,
    })
    throw new DeisError('unavailable', `${what}: ${messageOf(error)}`, { cause: error })
  }
}

/** Brings the backend to what is stored. */
export async function exposeApp(core: Core, id: string, signal: AbortSignal): Promise<void> {
  await core.queue.run(queueOf(id), (queue) => expose(core, id, AbortSignal.any([signal, queue])))
}

/** Brings the routers, also those of other controllers, to what is stored. */
export async function routesChanged(core: Core, id: string): Promise<void> {
  core.peers.notify({ kind: 'app', app: id })
  await publishRoutes(core, id)
}

export type Stored<T> = { readonly value: T; undo(): Promise<unknown> }

/**
 * Stores a change of an app's edge, one at a time for each app, and applies it to the backend and the routers.
 * When the backend fails, the change is undone.
 */
export async function changeEdge<T>(core: Core, id: string, store: () => Promise<Stored<T>>): Promise<T> {
  return core.queue.run(queueOf(id), async (signal) => {
    const app = await core.db.app.findUnique({ where: { id }, select: { destroying: true } })
    if (!app || app.destroying) throw notFound('App')
    const { value, undo } = await store()
    try {
      await expose(core, id, signal)
    } catch (error) {
      // Stopping: the next start brings the backend to what is stored. Destroying: nothing matters any more.
      if (signal.aborted) throw new DeisError('unavailable', messageOf(signal.reason), { cause: error })
      await undo()
      await expose(core, id, signal).catch((again: unknown) =>
        core.log.error({ app: id, err: again }, 'the former edge of an app could not be restored'),
      )
      throw error
    }
    await routesChanged(core, id)
    await core.routes.acknowledged(id, acknowledgeMs)
    core.here.acme.wake()
    return value
  })
}

/** Resolves when no change of the edge is under way; call it when later ones find the app being destroyed. */
export async function endEdgeChanges(core: Core, id: string): Promise<void> {
  core.queue.cancel(queueOf(id), new Error(`${id} is being destroyed`))
  await core.queue.run(queueOf(id), async () => {})
}

/** Never store what is not enforced (docs/architecture.md, principle 6): an Ingress knows hosts and nothing else that every cluster would understand. */
export function refuseAtIngress({ config }: Core, what: string): void {
  if (config.routing === 'ingress')
    throw new DeisError(
      'invalid',
      `The cluster's own Ingress controller cannot enforce ${what}, so nothing was changed. The routers of the platform can (DEIS_ROUTING=router).`,
    )
}
