// How does a user of git over HTTP prove who they are (docs/contract/build-and-route.md §1.14)?
import type { IncomingMessage, ServerResponse } from 'node:http'
import { refuseRequest } from '@deis/git/https/https'
import { readRequest } from '@deis/git/https/request'
import type { GitServer } from '@deis/git/port'
import { DeisError } from '@deis/types'
import { authenticate } from './domain/accounts/access.ts'
import type { Caller, Core } from './domain/core.ts'
import { addressOf } from './http/client-address.ts'

// A token has 40 characters.
const longest = 1_000

/** The password of Basic authentication; any user name goes with it. */
export function tokenOf(authorization: string | undefined): string | null {
  const [, encoded] = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec((authorization ?? '').slice(0, longest)) ?? []
  if (encoded === undefined) return null
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 || colon === text.length - 1 ? null : text.slice(colon + 1)
}

async function callerOf(core: Core, request: IncomingMessage): Promise<Caller | string> {
  const token = tokenOf(request.headers.authorization)
  if (token === null) return 'Log in with any user name, and a token as the password.'
  try {
    return await authenticate(core, token)
  } catch (error) {
    if (error instanceof DeisError && error.code === 'unauthenticated') return error.message
    throw error
  }
}

/** Takes the requests of git's clients, before they are read in any way, since they may have any size. */
export function gitOverHttp(
  core: Core,
  git: Pick<GitServer, 'serveHttp'>,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  return (request, response) => {
    const asked = readRequest(request)
    if (asked === null) return false
    if ('status' in asked) {
      refuseRequest(response, asked.status, asked.text)
      return true
    }
    void (async () => {
      const caller = await callerOf(core, request)
      if (typeof caller === 'string')
        refuseRequest(response, 401, caller, { 'www-authenticate': 'Basic realm="Deis", charset="UTF-8"' })
      else {
        const from = { ip: request.socket.remoteAddress ?? '', headers: request.headers }
        const address = addressOf(from, core.config.routerKey) || null
        await git.serveHttp({ username: caller.username, address }, asked, request, response)
      }
    })().catch((error: unknown) => {
      core.log.error({ err: error }, 'git over HTTP failed')
      if (response.headersSent) response.destroy()
      else refuseRequest(response, 503, 'The platform failed to do this: try again in a moment.')
    })
    return true
  }
}
