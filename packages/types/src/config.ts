// What is config, which with a build makes a release (docs/contract/api.md §2.5)?
import { type Static, Type } from 'typebox'
import { AppParams, route, Time, Word } from './route.ts'

const Strings = Type.Record(Type.String(), Type.String())

export const Config = Type.Object({
  uuid: Type.String(),
  owner: Type.String(),
  app: Type.String(),
  values: Strings,
  memory: Strings,
  cpu: Strings,
  tags: Strings,
  registry: Strings,
  healthcheck: Type.Unsafe<Record<string, Record<string, unknown>>>({ type: 'object', additionalProperties: true }),
  created: Time,
  updated: Time,
})
export type Config = Static<typeof Config>

/** A map to merge; null removes a key. The server also takes each map as a JSON-encoded string. */
const Patch = Type.Optional(Type.Unsafe<Record<string, string | null>>({}))

export const configKeyMessage = 'Config keys must start with a letter or underscore and only contain [A-z0-9_]'

export const getConfig = route({
  method: 'GET',
  path: '/v2/apps/:id/config/',
  access: 'app',
  summary: 'Show the config of the latest successful release.',
  params: AppParams,
  status: 200,
  response: Config,
})

export const setConfig = route({
  method: 'POST',
  path: '/v2/apps/:id/config/',
  access: 'app',
  recorded: true,
  summary: 'Merge into the config; creates a release, and answers when it is running.',
  params: AppParams,
  body: Type.Object({
    values: Patch,
    memory: Patch,
    cpu: Patch,
    tags: Patch,
    registry: Patch,
    healthcheck: Type.Optional(Type.Unsafe<Record<string, unknown>>({})),
    /** The uuid of the config that the change was made from: 409 when another one counts by now. */
    base: Type.Optional(Word),
  }),
  // All that an app may have, in JSON.
  bodyBytes: 2 * 1024 * 1024,
  status: 201,
  response: Config,
})
