// Does an app accept HTTPS only, and are browsers told so (docs/contract/api.md §2.9)?
import { type Static, Type } from 'typebox'
import { AppParams, route, Time } from './route.ts'

/** Seconds: two years. */
export const longestHsts = 63_072_000

export const Tls = Type.Object({
  uuid: Type.String(),
  app: Type.String(),
  owner: Type.String(),
  /** Null until it is first set. */
  https_enforced: Type.Union([Type.Boolean(), Type.Null()]),
  /** Ours: for how many seconds browsers are told to use HTTPS only; null and none: they are not told. */
  hsts: Type.Optional(Type.Union([Type.Integer(), Type.Null()])),
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

/** Booleans may be text (`"true"`, `"f"`, …); the domain checks them, and that `https_enforced` is there when `hsts` is not. */
export const setTls = route({
  method: 'POST',
  path: '/v2/apps/:id/tls/',
  access: 'app',
  recorded: true,
  summary: 'Enforce HTTPS, or stop enforcing it; tell browsers to use HTTPS only.',
  params: AppParams,
  body: Type.Object({
    https_enforced: Type.Optional(Type.Unsafe<boolean | null>({})),
    hsts: Type.Optional(Type.Union([Type.Integer({ minimum: 0, maximum: longestHsts }), Type.Null()])),
  }),
  status: 201,
  response: Tls,
})
