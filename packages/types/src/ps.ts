// How are the processes of an app listed, scaled, restarted and stopped (docs/contract/api.md §2.3, §2.4)?
import { type Static, Type } from 'typebox'
import { AppParams, Empty, route, Word } from './route.ts'

const processTypePattern = /^[A-Za-z0-9]+([-_][A-Za-z0-9]+)*$/
const maxProcessType = 63
export const invalidProcessType =
  'Process types can only contain letters and digits, with single hyphens or underscores between them, and have at most 63 characters'

/** Words of ASCII letters and digits, joined by single hyphens or underscores. */
export function isProcessType(text: string): boolean {
  return text.length <= maxProcessType && processTypePattern.test(text)
}

/** The form of a type where names have lower case and no underscores. */
export function processTypeName(type: string): string {
  return type.toLowerCase().replaceAll('_', '-')
}

/** Two types that would have the same name in that form, in their order. */
export function alikeTypes(types: readonly string[]): readonly [string, string] | null {
  const seen = new Map<string, string>()
  for (const type of types) {
    const name = processTypeName(type)
    const first = seen.get(name)
    if (first !== undefined) return [first, type]
    seen.set(name, type)
  }
  return null
}

export function alikeMessage([first, second]: readonly [string, string]): string {
  return `Process types "${first}" and "${second}" differ only in capitals or between hyphen and underscore: rename one of them`
}

/** `state` is one of `podStates`, or a scheduler's own state of a pod that waits (docs/contract/api.md §4.10). */
export const Pod = Type.Object({
  name: Type.String(),
  type: Type.String(),
  state: Type.String(),
  release: Type.String(),
  started: Type.String(),
})
export type Pod = Static<typeof Pod>

export const PodList = Type.Object({ count: Type.Integer(), results: Type.Array(Pod) })

const TypeParams = Type.Object({ id: Word, type: Word })
const NameParams = Type.Object({ id: Word, type: Word, name: Word })

/** Counts are numbers or numeric strings; the domain checks them. */
export const scaleApp = route({
  method: 'POST',
  path: '/v2/apps/:id/scale/',
  access: 'app',
  recorded: true,
  summary: 'Set the number of processes of each type; answers when they are running.',
  params: AppParams,
  body: Type.Unsafe<Record<string, number>>(Type.Object({})),
  status: 204,
  response: Empty,
})

export const listPods = route({
  method: 'GET',
  path: '/v2/apps/:id/pods/',
  access: 'app',
  summary: 'List the processes of the current release; with one_off=1 also one-off processes.',
  params: AppParams,
  query: Type.Object({ limit: Type.Optional(Word), one_off: Type.Optional(Word) }),
  status: 200,
  response: PodList,
})

export const listPodsOfType = route({
  ...listPods,
  path: '/v2/apps/:id/pods/:type/',
  summary: 'List the processes of one type.',
  params: TypeParams,
})

export const getPods = route({
  ...listPods,
  path: '/v2/apps/:id/pods/:type/:name/',
  summary: 'Show a process by name; the type is ignored.',
  params: NameParams,
})

export const restartPods = route({
  method: 'POST',
  path: '/v2/apps/:id/pods/restart/',
  access: 'app',
  recorded: true,
  summary: 'Restart all processes.',
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

export const stopPod = route({
  method: 'POST',
  path: '/v2/apps/:id/pods/:type/:name/stop/',
  access: 'app',
  summary: 'Stop a one-off process, by its name or the Deis-Request-Id of its run; the type is ignored.',
  params: NameParams,
  status: 204,
  response: Empty,
})
