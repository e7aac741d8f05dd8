// For which names does the platform get certificates by itself, and how far is it (docs/contract/api.md §2.10)?
import { type Static, Type } from 'typebox'
import { AppParams, Empty, Page, PageQuery, route, Time, Word } from './route.ts'

const OrNull = <S extends Type.TSchema>(schema: S) => Type.Union([schema, Type.Null()])

export const AutoCert = Type.Object({
  /** As clients ask for it. */
  host: Type.String(),
  /** Null: a name of the platform itself. */
  app: OrNull(Type.String()),
  /**
   * `pending`: has not been tried yet. `proving`: the CA is verifying the name. `issued`: has a certificate. `failed`: the last try
   * failed. `blocked`: the name does not lead here, or CAA forbids the CA, so it is not asked. A certificate from before still serves in every state.
   */
  state: Type.Union([
    Type.Literal('pending'),
    Type.Literal('proving'),
    Type.Literal('issued'),
    Type.Literal('failed'),
    Type.Literal('blocked'),
  ]),
  issuer: OrNull(Type.String()),
  expires: OrNull(Time),
  /** When it is renewed, or tried next. */
  next: Time,
  attempts: Type.Integer(),
  /** Of the last try, in words. */
  error: OrNull(Type.Object({ type: Type.String(), detail: Type.String(), at: Time })),
})
export type AutoCert = Static<typeof AutoCert>

/** Admins see those of all apps, and of the platform. */
export const listAutoCerts = route({
  method: 'GET',
  path: '/v2/auto-certs/',
  access: 'user',
  summary: 'List the certificates that the platform gets by itself.',
  query: PageQuery,
  status: 200,
  response: Page(AutoCert),
})

export const retryAutoCert = route({
  method: 'POST',
  path: '/v2/auto-certs/retry/',
  access: 'user',
  summary: 'Try again now to get the certificate of a name.',
  body: Type.Object({ domain: Word }),
  status: 204,
  response: Empty,
})

const AutoCerts = Type.Object({ app: Type.String(), enabled: Type.Boolean(), results: Type.Array(AutoCert) })

export const getAutoCerts = route({
  method: 'GET',
  path: '/v2/apps/:id/auto-certs/',
  access: 'app',
  summary: 'Show the certificates that the platform gets for an app.',
  params: AppParams,
  status: 200,
  response: AutoCerts,
})

export const setAutoCerts = route({
  method: 'POST',
  path: '/v2/apps/:id/auto-certs/',
  access: 'app',
  recorded: true,
  summary: 'Turn automatic certificates of an app on or off.',
  params: AppParams,
  body: Type.Object({ enabled: Type.Boolean() }),
  status: 201,
  response: AutoCerts,
})
