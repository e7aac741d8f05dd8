// What is a release, and how are releases listed and rolled back (docs/contract/api.md §2.7)?
import { type Static, Type } from 'typebox'
import { AppParams, Page, PageQuery, route, Time, Word } from './route.ts'

export const Release = Type.Object({
  uuid: Type.String(),
  app: Type.String(),
  owner: Type.String(),
  version: Type.Integer(),
  summary: Type.String(),
  failed: Type.Boolean(),
  /** Why a failed release failed; null otherwise (a later field of Deis' successor). */
  exception: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  config: Type.String(),
  build: Type.Union([Type.String(), Type.Null()]),
  created: Time,
  updated: Time,
})
export type Release = Static<typeof Release>

export const listReleases = route({
  method: 'GET',
  path: '/v2/apps/:id/releases/',
  access: 'app',
  summary: 'List releases, newest first, including failed ones.',
  params: AppParams,
  query: PageQuery,
  status: 200,
  response: Page(Release),
})

/** `version` is `v3`. */
export const getRelease = route({
  method: 'GET',
  path: '/v2/apps/:id/releases/:version/',
  access: 'app',
  summary: 'Show a release.',
  params: Type.Object({ id: Word, version: Word }),
  status: 200,
  response: Release,
})

export const rollback = route({
  method: 'POST',
  path: '/v2/apps/:id/releases/rollback/',
  access: 'app',
  recorded: true,
  summary: 'Roll back to an earlier release, as a new release; answers when it is running.',
  params: AppParams,
  body: Type.Object({ version: Type.Optional(Type.Unsafe<number>({})) }),
  status: 201,
  response: Type.Object({ version: Type.Integer() }),
})
