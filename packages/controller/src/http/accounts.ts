// Which endpoints are about accounts?
import * as types from '@deis/types'
import type { FastifyInstance } from 'fastify'
import { cancelUser, changePassword, logIn, regenerateToken, registerUser, whoAmI } from '../domain/auth.ts'
import type { Core } from '../domain/core.ts'
import { usersPage } from '../domain/users.ts'
import { pageOf } from './paging.ts'
import { serve } from './serve.ts'
import { createThrottle } from './throttle.ts'

export function serveAccounts(server: FastifyInstance, core: Core): void {
  const throttle = createThrottle()
  serve(server, core, types.register, ({ anyone, body }) => registerUser(core, anyone, body))
  serve(server, core, types.login, async ({ body, request, reply }) => {
    const key = `${request.ip} ${body.username}`
    const wait = throttle.wait(key)
    if (wait > 0) {
      reply.header('retry-after', wait)
      throw new types.DeisError('throttled', `Too many failed logins: try again in ${wait} seconds.`)
    }
    try {
      const token = await logIn(core, body.username, body.password)
      throttle.succeeded(key)
      return { token }
    } catch (error) {
      throttle.failed(key)
      throw error
    }
  })
  serve(server, core, types.whoami, ({ caller }) => whoAmI(core, caller))
  serve(server, core, types.setPassword, async ({ caller, token, body }) => {
    await changePassword(core, caller, token, body)
    return { status: 'password set' }
  })
  serve(server, core, types.regenerateTokens, async ({ caller, body, reply }) => {
    const token = await regenerateToken(core, caller, body)
    if (token !== null) return { token }
    reply.header('content-type', 'application/json').send('""')
    return undefined
  })
  serve(server, core, types.cancelAccount, async ({ caller, body }) => {
    await cancelUser(core, caller, body.username)
    return undefined
  })
  serve(server, core, types.listUsers, ({ request, query }) => pageOf(request, query, (page) => usersPage(core, page)))
}
