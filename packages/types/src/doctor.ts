// What can this installation do, and what can it not (docs/architecture.md, principle 6)?
import { type Static, Type } from 'typebox'
import { route } from './route.ts'

/**
 * `ok`: works. `limited`: works, with the restriction in `detail`. `missing`: refused, with the remedy in `detail`.
 * `concern`: more than a restriction: `broken` means that apps cannot be served or changed, `exposed` that a protection can
 * be bypassed.
 */
export const Check = Type.Object({
  name: Type.String(),
  status: Type.Union([Type.Literal('ok'), Type.Literal('limited'), Type.Literal('missing')]),
  detail: Type.String(),
  concern: Type.Optional(Type.Union([Type.Literal('broken'), Type.Literal('exposed')])),
})
export type Check = Static<typeof Check>

export const doctor = route({
  method: 'GET',
  path: '/v2/doctor/',
  access: 'user',
  summary: 'Show what this installation can and cannot do.',
  status: 200,
  response: Type.Object({ scheduler: Type.String(), version: Type.String(), checks: Type.Array(Check) }),
})
