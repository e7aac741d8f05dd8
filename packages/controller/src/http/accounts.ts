// Which endpoints are about accounts?
import * as types from '@deis/types'
import type { FastifyInstance } from 'fastify'
import { cancelUser, changePassword, logIn, regenerateToken, registerUser, whoAmI } from '../domain/accounts/auth.ts'
import type { Core } from '../domain/core.ts'
import { isKnownClient } from '../domain/accounts/known-clients.ts'
import { usersPage } from '../domain/accounts/users.ts'
import { pageOf } from './paging.ts'
import { serve } from './serve.ts'
import { addressOf } from './client-address.ts'
import { clientOf, type Guesses } from './guesses.ts'

export function serveAccounts(server: FastifyInstance, core: Core, guesses: Guesses): void {
  serve(server, core, types.register, ({ anyone, body, change }) => registerUser(core, anyone, body, change))
  serve(server, core, types.login, async ({ body, request, change }) => {
    const { username } = body
    const client = clientOf(addressOf(request, core.config.routerKey))
    const wasRight = await guesses.try(client, username, () => isKnownClient(core, username, client))
    const token = await logIn(core, body, client, change)
    wasRight()
    return { token }
  })
  serve(server, core, types.whoami, ({ caller }) => whoAmI(core, caller))
  serve(server, core, types.setPassword, async ({ caller, token, body, request }) => {
    const client = clientOf(addressOf(request, core.config.routerKey))
    const isKnown = (): Promise<boolean> => isKnownClient(core, caller.username, client)
    // Administrators need no current password, so they cannot guess one here.
    const wasRight = caller.isSuperuser ? () => {} : await guesses.try(client, caller.username, isKnown)
    await changePassword(core, caller, { token, client }, body)
    wasRight()
    return { status: 'password set' }
  })
  serve(server, core, types.regenerateTokens, async ({ caller, body, request, reply }) => {
    const token = await regenerateToken(core, caller, clientOf(addressOf(request, core.config.routerKey)), body)
    if (token !== null) return { token }
    reply.header('content-type', 'application/json').send('""')
  })
  serve(server, core, types.cancelAccount, ({ caller, body }) => cancelUser(core, caller, body.username))
  serve(server, core, types.listUsers, ({ request, query }) => pageOf(request, query, (page) => usersPage(core, page)))
}
