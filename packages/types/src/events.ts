// Which changes were made or tried, by whom and from where? Ours.
import { type Static, Type } from 'typebox'
import { AppParams, Page, PageQuery, route, Time, Word } from './route.ts'

const OrNull = Type.Union([Type.String(), Type.Null()])

/**
 * `ok`: the change is stored. `denied`: the user may not make it. `failed`: it was refused, or undone; then `details.undoes` is
 * the id of the event that it was stored with.
 */
export const Event = Type.Object({
  id: Type.Integer(),
  time: Time,
  /** The user; null: an external builder. */
  actor: OrNull,
  /** By its name at that time; null: it is about no app. */
  app: OrNull,
  /** Such as `config.set`. */
  action: Type.String(),
  /** What it is about, such as a domain or a user. */
  target: OrNull,
  /** What can be said of it without secrets: names, counts, addresses. */
  details: Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true }),
  /** The address that it came from. */
  address: OrNull,
  agent: OrNull,
  /** Deis-Request-Id. */
  request: OrNull,
  result: Type.Union([Type.Literal('ok'), Type.Literal('denied'), Type.Literal('failed')]),
  /** Of the answer; null: there is none in HTTP. */
  status: Type.Union([Type.Integer(), Type.Null()]),
})
export type Event = Static<typeof Event>

/**
 * `before`: only those with a smaller id, so that who reads page by page misses none and gets none twice. `after`: only those with
 * a greater id, the oldest first; those that others may still come before, of the last minute, are not among them.
 */
const EventQuery = Type.Object({
  ...PageQuery.properties,
  before: Type.Optional(Word),
  after: Type.Optional(Word),
})

export const listAppEvents = route({
  method: 'GET',
  path: '/v2/apps/:id/events/',
  access: 'app',
  summary: 'List the changes of an app that were made or tried, newest first.',
  params: AppParams,
  query: EventQuery,
  status: 200,
  response: Page(Event),
})

export const listEvents = route({
  method: 'GET',
  path: '/v2/events/',
  access: 'admin',
  summary: 'List the changes of the whole platform that were made or tried, newest first.',
  query: EventQuery,
  status: 200,
  response: Page(Event),
})
