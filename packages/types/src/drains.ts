// To which other servers are the log lines of an app sent? Ours.
import { type Static, Type } from 'typebox'
import { AppParams, Page, PageQuery, route, Time, Word } from './route.ts'

export const maxDrains = 5

export const Drain = Type.Object({
  uuid: Type.String(),
  app: Type.String(),
  owner: Type.String(),
  /** Without what may be secret: user, password, path and query. */
  url: Type.String(),
  /** Sent with each batch over HTTPS: `d.<uuid>`. */
  token: Type.String(),
  /** `idle`: nothing was sent yet by this controller, or another controller sends. */
  state: Type.Union([Type.Literal('idle'), Type.Literal('sending'), Type.Literal('failing')]),
  /** Why it fails. */
  error: Type.Union([Type.String(), Type.Null()]),
  /** Lines that were left out since this controller sends to it. */
  dropped: Type.Integer(),
  created: Time,
})
export type Drain = Static<typeof Drain>

const DrainParams = Type.Object({ id: Word, uuid: Word })

export const listDrains = route({
  method: 'GET',
  path: '/v2/apps/:id/drains/',
  access: 'app',
  summary: 'List where the log lines of an app are sent.',
  params: AppParams,
  query: PageQuery,
  status: 200,
  response: Page(Drain),
})

export const addDrain = route({
  method: 'POST',
  path: '/v2/apps/:id/drains/',
  access: 'app',
  recorded: true,
  summary: 'Send the log lines of an app to a syslog or HTTPS server from now on.',
  params: AppParams,
  body: Type.Object({ url: Type.String({ minLength: 1, maxLength: 2_000 }) }),
  status: 201,
  response: Drain,
})

export const removeDrain = route({
  method: 'DELETE',
  path: '/v2/apps/:id/drains/:uuid/',
  access: 'app',
  recorded: true,
  summary: 'Send no more log lines there.',
  params: DrainParams,
  status: 204,
  response: Type.Null(),
})

export const testDrain = route({
  method: 'POST',
  path: '/v2/apps/:id/drains/:uuid/test/',
  access: 'app',
  summary: 'Send one line there now; 422 says why that failed.',
  params: DrainParams,
  status: 200,
  response: Type.Object({ line: Type.String() }),
})
