// How does an app move to another installation (docs/contract/api.md §3.17)?
import { type Static, Type } from 'typebox'
import { App } from './apps.ts'
import { AppParams, route, Word } from './route.ts'

export const archiveType = 'application/x-tar'

export const exportApp = route({
  method: 'GET',
  path: '/v2/apps/:id/export/',
  access: 'app-owner',
  summary: 'Give away the app with everything that belongs to it, secrets and private keys included, as one archive.',
  params: AppParams,
  /** `0`: without the image that this platform built. */
  query: Type.Object({ image: Type.Optional(Word) }),
  media: archiveType,
  status: 200,
  response: Type.String(),
})

export const Imported = Type.Object({
  app: App,
  /** Of the release that the import made. */
  version: Type.Integer(),
  /** Why it was built here; null: it was not. */
  built: Type.Union([Type.String(), Type.Null()]),
  /** What did not come along. */
  warnings: Type.Array(Type.String()),
})
export type Imported = Static<typeof Imported>

/** Not below `/v2/apps/`, where every word may be the name of an app. */
export const importApp = route({
  method: 'POST',
  path: '/v2/import/',
  access: 'user',
  summary: 'Make an app of an archive; answers when it serves.',
  /**
   * Another name; another owner, for admins only; `1`: build it here even if its slug or image could be run; `0`: without its
   * domains.
   */
  query: Type.Object({
    app: Type.Optional(Word),
    owner: Type.Optional(Word),
    rebuild: Type.Optional(Word),
    domains: Type.Optional(Word),
  }),
  media: archiveType,
  status: 201,
  response: Imported,
})
