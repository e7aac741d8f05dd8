// What does an external builder request from the controller (docs/contract/api.md §2.13)?
import { type Static, Type } from 'typebox'
import { Config } from './config.ts'
import { buildBodyBytes } from './builds.ts'
import { AppParams, route, Word } from './route.ts'

export const builderAuthHeader = 'x-deis-builder-auth'

/** Keys by user name. */
export const KeysOfUsers = Type.Record(
  Type.String(),
  Type.Array(Type.Object({ key: Type.String(), fingerprint: Type.String() })),
)
export type KeysOfUsers = Static<typeof KeysOfUsers>

export const hookKey = route({
  method: 'GET',
  path: '/v2/hooks/key/:fingerprint',
  access: 'builder',
  summary: 'Show the user of a key, by its MD5 fingerprint, and the apps that this user may use.',
  params: Type.Object({ fingerprint: Word }),
  status: 200,
  response: Type.Object({ username: Type.String(), apps: Type.Array(Type.String()) }),
})

export const hookKeys = route({
  method: 'GET',
  path: '/v2/hooks/keys/:id',
  access: 'builder',
  summary: 'List the keys of the collaborators of the app.',
  params: AppParams,
  status: 200,
  response: KeysOfUsers,
})

export const hookUserKeys = route({
  method: 'GET',
  path: '/v2/hooks/keys/:id/:username',
  access: 'builder',
  summary: 'List the keys of a user who may use the app.',
  params: Type.Object({ id: Word, username: Word }),
  status: 200,
  response: KeysOfUsers,
})

const Received = {
  receive_user: Type.String({ minLength: 1, maxLength: 256 }),
  /** The app's id. */
  receive_repo: Type.String({ minLength: 1, maxLength: 256 }),
}

export const hookBuild = route({
  method: 'POST',
  path: '/v2/hooks/build/',
  access: 'builder',
  summary: 'Deploy a build as the user who pushed; answers when the release is running.',
  body: Type.Object({
    ...Received,
    image: Type.String({ minLength: 1, maxLength: 1_000 }),
    sha: Type.Optional(Type.String({ maxLength: 40 })),
    procfile: Type.Optional(Type.Unsafe<Record<string, string> | null>({})),
    dockerfile: Type.Optional(Type.String({ maxLength: buildBodyBytes / 2 })),
  }),
  bodyBytes: buildBodyBytes,
  status: 200,
  response: Type.Object({ release: Type.Object({ version: Type.Integer() }) }),
})

export const hookConfig = route({
  method: 'POST',
  path: '/v2/hooks/config/',
  access: 'builder',
  summary: 'Show the config of the latest successful release, for a user who may use the app.',
  body: Type.Object(Received),
  status: 200,
  response: Config,
})
