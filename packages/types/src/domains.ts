// What is a domain, and how is it added and removed (docs/contract/api.md §2.8)?
import { type Static, Type } from 'typebox'
import { AppParams, Empty, Page, PageQuery, route, Time, Word } from './route.ts'

/** A name without a dot is a label under the platform domain. */
export const Domain = Type.Object({
  app: Type.String(),
  owner: Type.String(),
  domain: Type.String(),
  created: Time,
  updated: Time,
})
export type Domain = Static<typeof Domain>

export const domainMessages = {
  invalid: 'Hostname does not look valid.',
  onlyWildcard: "Hostname can't only be a wildcard",
  tooLong: 'Hostname must be 253 characters or less.',
  taken: 'Domain is already in use by another application',
} as const

export const listDomains = route({
  method: 'GET',
  path: '/v2/apps/:id/domains/',
  access: 'app',
  summary: 'List the domains of the app, by name.',
  params: AppParams,
  query: PageQuery,
  status: 200,
  response: Page(Domain),
})

/** Unicode names are stored in their ASCII form, every name in lower case; `*.` may lead. */
export const addDomain = route({
  method: 'POST',
  path: '/v2/apps/:id/domains/',
  access: 'app',
  recorded: true,
  summary: 'Add a domain to the app.',
  params: AppParams,
  body: Type.Object({ domain: Type.String({ minLength: 1, maxLength: 2_000 }) }),
  status: 201,
  response: Domain,
})

export const removeDomain = route({
  method: 'DELETE',
  path: '/v2/apps/:id/domains/:domain',
  access: 'app-owner',
  recorded: true,
  summary: 'Remove a domain from the app, and detach its certificate.',
  params: Type.Object({ id: Word, domain: Word }),
  status: 204,
  response: Empty,
})
