// What is an app, and how is it created, shown, run, transferred and destroyed (docs/contract/api.md §2.3)?
import { type Static, Type } from 'typebox'
import { AppParams, Empty, Page, PageQuery, route, Time, Word } from './route.ts'

/** Desired count per process type. */
export const Structure = Type.Record(Type.String(), Type.Integer({ minimum: 0 }))
export type Structure = Static<typeof Structure>

export const App = Type.Object({
  uuid: Type.String(),
  id: Type.String(),
  owner: Type.String(),
  structure: Structure,
  /** Commands by process type of the current release; only where one app is shown. */
  procfile_structure: Type.Optional(Type.Record(Type.String(), Type.String())),
  created: Time,
  updated: Time,
})
export type App = Static<typeof App>

/** App ids: 1–63 characters, also a DNS label and a namespace name. */
export const appIdPattern = /^[a-z]([a-z0-9-]*[a-z0-9])?$/
export const appIdMessages = {
  pattern:
    'App name must start with an alphabetic character, cannot end with a hyphen and can only contain a-z (lowercase), 0-9 and hyphens.',
  /** Second element of the list, so that the original client recognises the case (docs/contract/api.md §1.5). */
  client: 'App name can only contain a-z (lowercase), 0-9 and hyphens',
  taken: 'Application with this id already exists.',
} as const

export const listApps = route({
  method: 'GET',
  path: '/v2/apps/',
  access: 'user',
  summary: 'List the apps that you may use; admins see all apps.',
  query: PageQuery,
  status: 200,
  response: Page(App),
})

export const createApp = route({
  method: 'POST',
  path: '/v2/apps/',
  access: 'user',
  recorded: true,
  summary: 'Create an app; without an id the controller chooses one.',
  body: Type.Object({
    id: Type.Optional(Type.Union([Type.String({ minLength: 1, maxLength: 63 }), Type.Null()])),
  }),
  status: 201,
  response: App,
})

export const getApp = route({
  method: 'GET',
  path: '/v2/apps/:id/',
  access: 'app',
  summary: 'Show an app.',
  params: AppParams,
  status: 200,
  response: App,
})

export const updateApp = route({
  method: 'POST',
  path: '/v2/apps/:id/',
  access: 'app',
  recorded: true,
  summary: 'Transfer the app to another owner; owner and admins only.',
  params: AppParams,
  body: Type.Object({ owner: Type.Optional(Word) }),
  status: 200,
  response: Empty,
})

export const renameApp = route({
  method: 'POST',
  path: '/v2/apps/:id/rename/',
  access: 'app-owner',
  recorded: true,
  summary: 'Give the app another name; answers when it serves under that, and the old name is free.',
  params: AppParams,
  body: Type.Object({ id: Type.String({ minLength: 1, maxLength: 63 }) }),
  status: 200,
  response: App,
})

export const destroyApp = route({
  method: 'DELETE',
  path: '/v2/apps/:id/',
  access: 'app-owner',
  recorded: true,
  summary: 'Destroy the app and everything that belongs to it.',
  params: AppParams,
  status: 204,
  response: Empty,
})

export const runCommand = route({
  method: 'POST',
  path: '/v2/apps/:id/run',
  access: 'app',
  summary: 'Run a one-off command in the current release; answers when the command has ended.',
  params: AppParams,
  body: Type.Object({ command: Type.Optional(Type.Unsafe<string>({})) }),
  bodyBytes: 256 * 1024,
  status: 200,
  response: Type.Object({ exit_code: Type.Integer(), output: Type.String() }),
})

export const startOneOff = route({
  method: 'POST',
  path: '/v2/apps/:id/run/detached/',
  access: 'app',
  recorded: true,
  summary: 'Start a one-off command in the current release; answers at once, and its output is in the logs.',
  params: AppParams,
  body: Type.Object({ command: Type.Optional(Type.Unsafe<string>({})) }),
  bodyBytes: 256 * 1024,
  status: 201,
  response: Type.Object({ name: Type.String(), release: Type.String() }),
})
