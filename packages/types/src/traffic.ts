// Which requests did an app have in the last hour?
import { type Static, Type } from 'typebox'
import { AppParams, route, Time } from './route.ts'

/** One for each minute, oldest first. */
const Counts = Type.Array(Type.Integer({ minimum: 0 }))

export const AppTraffic = Type.Object({
  /** Seconds of each part. */
  step: Type.Integer(),
  /** When the last part ends. */
  until: Time,
  /** Since when there are numbers: the start of this controller, if that was later than an hour ago. */
  since: Time,
  requests: Counts,
  /** Of these, with a status of 4xx and of 5xx. */
  client_errors: Counts,
  server_errors: Counts,
  /** Milliseconds that half of the requests, and 95 % of them, did not take longer than; null: there were none. */
  p50: Type.Array(Type.Union([Type.Number(), Type.Null()])),
  p95: Type.Array(Type.Union([Type.Number(), Type.Null()])),
})
export type AppTraffic = Static<typeof AppTraffic>

/** Ours. As counted by the routers that follow this controller; nothing is stored. */
export const getTraffic = route({
  method: 'GET',
  path: '/v2/apps/:id/traffic/',
  access: 'app',
  summary: 'Show the requests of the last hour, by minute.',
  params: AppParams,
  status: 200,
  response: AppTraffic,
})
