// Which endpoints let a client log in with a browser: those of the client, and the page of its user?
import * as types from '@deis/types'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { userWithPassword } from '../domain/accounts/auth.ts'
import {
  approveDevice,
  beginDeviceLogin,
  collectDeviceLogin,
  countWrong,
  denyDevice,
  device,
  readUserCode,
  waitingDevice,
} from '../domain/accounts/device-logins.ts'
import { isKnownClient } from '../domain/accounts/known-clients.ts'
import { isStorableText } from '../domain/apps/storable.ts'
import type { Core } from '../domain/core.ts'
import { addressOf } from './client-address.ts'
import { codePage, endPage, loginPage, pageHeaders } from './device-page.ts'
import { clientOf, type Guesses } from './guesses.ts'
import { originOf } from './origin.ts'
import { serve } from './serve.ts'
import { createThrottle, type Throttle } from './throttle.ts'

const pagePath = '/v2/auth/device/verify'

/** Of one address; many people may share it. */
const begins = { free: 20, firstWaitSeconds: 5, maxWaitSeconds: 60 }
/** There are 25 thousand million codes. */
const wrongCodes = { free: 20, firstWaitSeconds: 1, maxWaitSeconds: 10 }

const unknownCode = 'This code is not known, or it has expired. Run deis login --browser once more to get another one.'

function admit(throttle: Throttle, client: string): void {
  const wait = throttle.attempt(client)
  if (wait > 0)
    throw new types.DeisError('throttled', `Too many tries from your address. Try again in ${wait} s.`, {
      retryAfter: wait,
    })
}

/** Browsers say where a form comes from. Another page must not send this one, with an account of its author's, say. */
function isFromOwnPage(request: FastifyRequest): boolean {
  const { 'sec-fetch-site': site, origin } = request.headers
  if (site !== undefined && site !== 'same-origin') return false
  // Without the scheme: a proxy that ends TLS may not name it.
  const bare = (host: string): string => host.toLowerCase().replace(/:(80|443)$/, '')
  return typeof origin === 'string' && URL.canParse(origin) && bare(new URL(origin).host) === bare(request.host)
}

function show(reply: FastifyReply, status: number, html: string): FastifyReply {
  return reply.code(status).headers(pageHeaders).send(html)
}

/** The endpoints of the client. */
function serveClient(server: FastifyInstance, core: Core): void {
  const started = createThrottle(begins)
  serve(server, core, types.beginDeviceLogin, async ({ body, request }) => {
    const origin = originOf(request)
    if (origin === null) throw new types.DeisError('invalid', 'The Host of the request is not a host name with a port.')
    const address = clientOf(addressOf(request, core.config.routerKey))
    admit(started, address)
    const { deviceCode, userCode } = await beginDeviceLogin(core, { name: body.name ?? '', address })
    return {
      device_code: deviceCode,
      user_code: userCode,
      verification_uri: `${origin}${pagePath}`,
      verification_uri_complete: `${origin}${pagePath}?code=${userCode}`,
      expires_in: device.lifetimeSeconds,
      interval: device.intervalSeconds,
    }
  })
  serve(server, core, types.collectDeviceLogin, async ({ body, request, reply, change }) => {
    const client = clientOf(addressOf(request, core.config.routerKey))
    const found = await collectDeviceLogin(core, body.device_code, client, change)
    if (typeof found === 'object') return found
    // Waits until it has gone: only then is it known as answered.
    await reply.code(400).send({ error: found })
  })
}

type Field = (name: string) => string

/** Decides by the form of the page. @throws what a login may throw */
async function decide(
  core: Core,
  guesses: Guesses,
  codes: Throttle,
  request: FastifyRequest,
  reply: FastifyReply,
  field: Field,
) {
  const client = clientOf(addressOf(request, core.config.routerKey))
  const code = readUserCode(field('code'))
  admit(codes, client)
  const login = await waitingDevice(core, code)
  if (login === null || code === null) return show(reply, 400, codePage(unknownCode))
  codes.uncount(client)
  if (field('answer') !== 'allow') {
    await denyDevice(core, login)
    return show(reply, 200, endPage('Denied. The client was not logged in.'))
  }
  const [username, password] = [field('username'), field('password')]
  try {
    const wasRight = await guesses.try(client, username, () => isKnownClient(core, username, client))
    const user = await userWithPassword(core, username, password)
    wasRight()
    if (!(await approveDevice(core, login, user))) return show(reply, 400, codePage(unknownCode))
    return show(reply, 200, endPage('Logged in. You can close this page and go back to the client.'))
  } catch (error) {
    if (!(error instanceof types.DeisError) || error.retryAfter !== undefined) throw error
    const left = await countWrong(core, login)
    if (left === 0) return show(reply, 400, endPage('Too many wrong passwords. The client was not logged in.'))
    const shown = { code, name: login.name, address: login.address, host: request.host }
    return show(
      reply,
      400,
      loginPage(shown, username, `${error.message} ${left} more ${left === 1 ? 'try' : 'tries'}.`),
    )
  }
}

/** The page of the user. */
function servePage(server: FastifyInstance, core: Core, guesses: Guesses): void {
  const codes = createThrottle(wrongCodes)
  server.setErrorHandler((error, request, reply) => {
    if (!(error instanceof types.DeisError)) throw error
    if (error.retryAfter !== undefined) reply.header('retry-after', error.retryAfter)
    return show(reply, types.errors[error.code].http, codePage(error.message))
  })
  server.removeAllContentTypeParsers()
  server.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: 8_192 },
    (_, text, done) => done(null, new URLSearchParams(String(text))),
  )
  server.get<{ Querystring: Record<string, unknown> }>(pagePath, async (request, reply) => {
    const { code: typed } = request.query
    if (typeof typed !== 'string' || typed === '') return show(reply, 200, codePage(null))
    const code = readUserCode(typed)
    const client = clientOf(addressOf(request, core.config.routerKey))
    admit(codes, client)
    const login = await waitingDevice(core, code)
    if (login === null || code === null) return show(reply, 400, codePage(unknownCode))
    codes.uncount(client)
    return show(reply, 200, loginPage({ code, name: login.name, address: login.address, host: request.host }, '', null))
  })
  server.post(pagePath, async (request, reply) => {
    if (!isFromOwnPage(request))
      throw new types.DeisError('forbidden', 'This form was sent by another page, so nothing was done.')
    const form = request.body
    const limits: Readonly<Record<string, number>> = { username: 256, password: 1024 }
    return decide(core, guesses, codes, request, reply, (name) => {
      const value = form instanceof URLSearchParams ? (form.get(name) ?? '') : ''
      return value.length <= (limits[name] ?? 32) && isStorableText(value) ? value : ''
    })
  })
}

export function serveDeviceLogins(server: FastifyInstance, core: Core, guesses: Guesses): void {
  serveClient(server, core)
  void server.register(async (scope) => servePage(scope, core, guesses))
}
