// How many routers follow, and what has whoever changes an app to know of it?
import type { Check } from '@deis/types'
import type { Core } from '../core.ts'
import type { Following } from './routes.ts'

/** Where clients reach apps without TLS; 0: any free port was asked for, and no router has said yet which one it got. */
export function publicPort({ config, routes }: Core): number {
  return config.routerPublicPort ?? (config.routerPort === 0 ? (routes.routerPort() ?? 0) : config.routerPort)
}

const plural = (count: number): string => `${count} router${count === 1 ? '' : 's'}`

function troubleOf({ following, behind, expected }: Following): string | null {
  if (!expected) return null
  if (following === 0)
    return 'no router follows the controller, so changes of routes reach nobody: see that the router runs, and what its log says of the route feed'
  if (behind > 0)
    return `${behind} of ${plural(following)} ${behind === 1 ? 'has' : 'have'} not taken up the newest routes yet: see what the router's log says`
  return null
}

export function checkRouters(core: Core): Check {
  const state = core.routes.following()
  const trouble = troubleOf(state)
  const detail =
    trouble ??
    (state.following > 0
      ? `${plural(state.following)} ${state.following === 1 ? 'follows' : 'follow'}, with the newest routes`
      : state.needed
        ? 'the routers have a moment after the start of the controller'
        : 'none is needed: the cluster has an Ingress controller of its own')
  if (trouble === null) return { name: 'routers', status: 'ok', detail }
  return { name: 'routers', status: state.following === 0 ? 'missing' : 'limited', detail, concern: 'broken' }
}

/** For whoever has just changed an app: `2/2`, and what is wrong with it if anything is. */
export function routersNow(core: Core): { readonly count: string; readonly warning: string | null } {
  const state = core.routes.following()
  const trouble = troubleOf(state)
  return {
    count: `${state.following - state.behind}/${state.following}`,
    warning: trouble === null ? null : `The change is stored, but ${trouble}.`,
  }
}
