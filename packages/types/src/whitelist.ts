// Which addresses may reach an app (docs/contract/api.md §2.9)?
import { type Static, Type } from 'typebox'
import { AppParams, Empty, route } from './route.ts'

/** Of one app. */
export const maxAddresses = 1_000

export const Addresses = Type.Array(Type.String({ maxLength: 50 }), { maxItems: maxAddresses })

/** IPv4 and IPv6 addresses and networks: `10.0.0.0/8`, `2001:db8::1`. Empty: all addresses. */
export const Whitelist = Type.Object({ addresses: Addresses })
export type Whitelist = Static<typeof Whitelist>

export const getWhitelist = route({
  method: 'GET',
  path: '/v2/apps/:id/whitelist/',
  access: 'app',
  summary: 'List the addresses that may reach the app.',
  params: AppParams,
  status: 200,
  response: Whitelist,
})

export const addToWhitelist = route({
  method: 'POST',
  path: '/v2/apps/:id/whitelist/',
  access: 'app',
  recorded: true,
  summary: 'Add addresses to the whitelist; answers with all of them.',
  params: AppParams,
  body: Whitelist,
  status: 201,
  response: Whitelist,
})

export const removeFromWhitelist = route({
  method: 'DELETE',
  path: '/v2/apps/:id/whitelist/',
  access: 'app-owner',
  recorded: true,
  summary: 'Remove addresses from the whitelist.',
  params: AppParams,
  body: Whitelist,
  status: 204,
  response: Empty,
})
