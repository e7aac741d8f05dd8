// How many routers are connected, and which warning does a change of an app get?
import type { Check } from '@deis/types'
import type { Core } from '../core.ts'
import type { Following } from './routes.ts'

/** Where clients reach apps without TLS; 0: any free port was asked for, and no router has reported yet which one it got. */
export function publicPort({ config, routes }: Core): number {
  return config.routerPublicPort ?? (config.routerPort === 0 ? (routes.routerPort() ?? 0) : config.routerPort)
}

const plural = (count: number): string => `${count} router${count === 1 ? '' : 's'}`

function problemOf({ following, behind, expected }: Following): string | null {
  if (!expected) return null
  if (following === 0)
    return 'no router is connected to the controller, so no change of routes takes effect; check that the router runs, and see its log'
  if (behind > 0)
    return `${behind} of ${plural(following)} ${behind === 1 ? 'has' : 'have'} not applied the newest routes yet; see the router's log`
  return null
}

export function checkRouters(core: Core): Check {
  const state = core.routes.following()
  const problem = problemOf(state)
  const detail =
    problem ??
    (state.following > 0
      ? `${plural(state.following)} connected, with the newest routes`
      : state.needed
        ? 'waiting for routers: the controller has just started'
        : 'not needed: the cluster has its own Ingress controller')
  if (problem === null) return { name: 'routers', status: 'ok', detail }
  return { name: 'routers', status: state.following === 0 ? 'missing' : 'limited', detail, concern: 'broken' }
}

/** After a change of an app: `2/2`, and a warning if routers are missing or late. */
export function routersNow(core: Core): { readonly count: string; readonly warning: string | null } {
  const state = core.routes.following()
  const problem = problemOf(state)
  return {
    count: `${state.following - state.behind}/${state.following}`,
    warning: problem === null ? null : `The change is stored, but ${problem}.`,
  }
}
