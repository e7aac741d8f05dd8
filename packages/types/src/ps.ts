// Which processes of an app run, how many should, and how are they restarted (contract/api.md §2.3, §2.4)?
import { type Static, Type } from 'typebox'
import { AppParams, Empty, route } from './route.ts'

/** Lowercase words joined by single hyphens. */
export const processTypePattern = /^[a-z0-9]+(-[a-z0-9]+)*$/
export const invalidProcessType = 'Process types can only contain lowercase alphanumeric characters'

/** `state` is one of `podStates`, or a scheduler's own word for a pod that waits (contract/api.md §4.10). */
export const Pod = Type.Object({
  name: Type.String(),
  type: Type.String(),
  state: Type.String(),
  release: Type.String(),
  started: Type.String(),
})
export type Pod = Static<typeof Pod>

export const PodList = Type.Object({ count: Type.Integer(), results: Type.Array(Pod) })

const TypeParams = Type.Object({ id: Type.String(), type: Type.String() })
const NameParams = Type.Object({ id: Type.String(), type: Type.String(), name: Type.String() })

/** The wire takes counts as numbers or numeric strings; the rule and its messages are the domain's. */
export const scaleApp = route({
  method: 'POST',
  path: '/v2/apps/:id/scale/',
  access: 'app',
  summary: 'Set how many processes of each type run; answers when they do.',
  params: AppParams,
  body: Type.Unsafe<Record<string, number>>(Type.Object({})),
  status: 204,
  response: Empty,
})

export const listPods = route({
  method: 'GET',
  path: '/v2/apps/:id/pods/',
  access: 'app',
  summary: 'The processes of the current release.',
  params: AppParams,
  query: Type.Object({ limit: Type.Optional(Type.String()) }),
  status: 200,
  response: PodList,
})

export const listPodsOfType = route({
  ...listPods,
  path: '/v2/apps/:id/pods/:type/',
  summary: 'The processes of one type.',
  params: TypeParams,
})

export const getPods = route({
  ...listPods,
  path: '/v2/apps/:id/pods/:type/:name/',
  summary: 'One process by name; the type is ignored.',
  params: NameParams,
})

export const restartPods = route({
  method: 'POST',
  path: '/v2/apps/:id/pods/restart/',
  access: 'app',
  summary: 'Restart every process.',
  params: AppParams,
  status: 200,
  response: Type.Array(Pod),
})

export const restartPodsOfType = route({
  ...restartPods,
  path: '/v2/apps/:id/pods/:type/restart/',
  summary: 'Restart the processes of one type.',
  params: TypeParams,
})

export const restartPod = route({
  ...restartPods,
  path: '/v2/apps/:id/pods/:type/:name/restart/',
  summary: 'Restart one process; the type is ignored.',
  params: NameParams,
})
