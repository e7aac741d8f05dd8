// Under which names is an app reached (contract/api.md §2.8)?
import { type Static, Type } from 'typebox'
import { AppParams, Page, PageQuery, route, Time } from './route.ts'

/** A name without a dot is a label under the platform domain. */
export const Domain = Type.Object({
  app: Type.String(),
  owner: Type.String(),
  domain: Type.String(),
  created: Time,
  updated: Time,
})
export type Domain = Static<typeof Domain>

export const listDomains = route({
  method: 'GET',
  path: '/v2/apps/:id/domains/',
  access: 'app',
  summary: 'The app’s domains, by name.',
  params: AppParams,
  query: PageQuery,
  status: 200,
  response: Page(Domain),
})
