// Which settings of an app make no release (contract/api.md §2.9)?
import { type Static, Type } from 'typebox'
import { AppParams, route, Time } from './route.ts'

export const AppSettings = Type.Object({
  uuid: Type.String(),
  app: Type.String(),
  owner: Type.String(),
  maintenance: Type.Union([Type.Boolean(), Type.Null()]),
  routable: Type.Union([Type.Boolean(), Type.Null()]),
  whitelist: Type.Array(Type.String()),
  autoscale: Type.Record(
    Type.String(),
    Type.Object({ min: Type.Integer(), max: Type.Integer(), cpu_percent: Type.Integer() }),
  ),
  label: Type.Record(Type.String(), Type.Unknown()),
  created: Time,
  updated: Time,
})
export type AppSettings = Static<typeof AppSettings>

export const getSettings = route({
  method: 'GET',
  path: '/v2/apps/:id/settings/',
  access: 'app',
  summary: 'The app’s settings.',
  params: AppParams,
  status: 200,
  response: AppSettings,
})
