// Does an app accept HTTPS only (docs/contract/api.md §2.9)?
import { type Static, Type } from 'typebox'
import { AppParams, route, Time } from './route.ts'

export const Tls = Type.Object({
  uuid: Type.String(),
  app: Type.String(),
  owner: Type.String(),
  /** Null until it is first set. */
  https_enforced: Type.Union([Type.Boolean(), Type.Null()]),
  created: Time,
  updated: Time,
})
export type Tls = Static<typeof Tls>

export const getTls = route({
  method: 'GET',
  path: '/v2/apps/:id/tls/',
  access: 'app',
  summary: 'Show whether HTTPS is enforced.',
  params: AppParams,
  status: 200,
  response: Tls,
})

/** Booleans may be text (`"true"`, `"f"`, …); the domain checks them. */
export const setTls = route({
  method: 'POST',
  path: '/v2/apps/:id/tls/',
  access: 'app',
  recorded: true,
  summary: 'Enforce HTTPS, or stop enforcing it.',
  params: AppParams,
  body: Type.Object({ https_enforced: Type.Unsafe<boolean | null>({}) }),
  status: 201,
  response: Tls,
})
