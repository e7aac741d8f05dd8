// Which settings of an app make no release (docs/contract/api.md §2.9)?
import { type Static, Type } from 'typebox'
import { AppParams, route, Time } from './route.ts'
import { Addresses } from './whitelist.ts'

/** How the backend scales a process type by load. */
export const AutoscaleRule = Type.Object({ min: Type.Integer(), max: Type.Integer(), cpu_percent: Type.Integer() })
export type AutoscaleRule = Static<typeof AutoscaleRule>

export const AppSettings = Type.Object({
  uuid: Type.String(),
  app: Type.String(),
  owner: Type.String(),
  maintenance: Type.Union([Type.Boolean(), Type.Null()]),
  routable: Type.Union([Type.Boolean(), Type.Null()]),
  whitelist: Type.Array(Type.String()),
  autoscale: Type.Record(Type.String(), AutoscaleRule),
  label: Type.Record(Type.String(), Type.Unknown()),
  /** Ours: what the next builds by Cloud Native Buildpacks use; null and none: what the platform has. */
  builder: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  buildpacks: Type.Optional(Type.Array(Type.String())),
  created: Time,
  updated: Time,
})
export type AppSettings = Static<typeof AppSettings>

export const getSettings = route({
  method: 'GET',
  path: '/v2/apps/:id/settings/',
  access: 'app',
  summary: 'Show the settings of the app.',
  params: AppParams,
  status: 200,
  response: AppSettings,
})

/**
 * `whitelist` replaces the list; `autoscale` and `label` are merged by key, and null removes a key. Booleans may be text, and
 * null does not change them. A null `builder` is that of the platform, and `buildpacks` replaces the list. The domain checks
 * all values.
 */
export const setSettings = route({
  method: 'POST',
  path: '/v2/apps/:id/settings/',
  access: 'app',
  recorded: true,
  summary: 'Change settings; takes effect at once, without a release.',
  params: AppParams,
  body: Type.Object({
    maintenance: Type.Optional(Type.Unsafe<boolean | null>({})),
    routable: Type.Optional(Type.Unsafe<boolean | null>({})),
    whitelist: Type.Optional(Addresses),
    autoscale: Type.Optional(Type.Unsafe<Record<string, AutoscaleRule | null>>({ type: 'object', maxProperties: 100 })),
    label: Type.Optional(Type.Unsafe<Record<string, unknown>>({ type: 'object', maxProperties: 1_000 })),
    builder: Type.Optional(Type.Union([Type.String({ minLength: 1, maxLength: 300 }), Type.Null()])),
    buildpacks: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 200 }), { maxItems: 100 })),
  }),
  bodyBytes: 256 * 1024,
  status: 201,
  response: AppSettings,
})
