// How does a route value become a served endpoint, with its access rule enforced before anything else?
import {
  type Body,
  DeisError,
  forbidden,
  type Params,
  type Query,
  type Response,
  type Route,
  usualBodyBytes,
} from '@deis/types'
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify'
import type { WebSocket } from 'ws'
import { authorize } from '../domain/accounts/access.ts'
import type { Caller, Core } from '../domain/core.ts'
import type { AppRow } from '../domain/apps/rows.ts'
import { isStorableText, unstorable } from '../domain/apps/storable.ts'
import { callerOf, optionalCaller, requireBuilderKey } from './auth.ts'
import { isChange } from '../domain/events/actions.ts'
import type { Deed } from '../domain/events/deed.ts'
import type { Change } from '../domain/requests/request-mark.ts'
import { beginDeed, deedOf, describeDeed, finishDeed } from './deeds.ts'
import { beginRecord, endRecord, recorded } from './record.ts'

/** What a handler gets. Each value is set when the route's access rule implies it. */
export type Served<R extends Route> = {
  readonly params: Params<R>
  readonly query: Query<R>
  readonly body: Body<R>
  /** Throws on routes for anyone when the request has no token. */
  readonly caller: Caller
  readonly anyone: Caller | null
  /** The change that is asked for, which `caller` has as well; absent: the route changes nothing. */
  readonly change: Change | undefined
  /** The token that was sent. */
  readonly token: string
  /** The app of `:id`, on `app` and `app-owner` routes. */
  readonly app: AppRow
  /** Aborted when the client goes away before the answer. */
  readonly gone: AbortSignal
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/** What the access rule of its route found for a request. */
type Admitted = { caller: Caller | null; token: string; app: AppRow | null }

const admitted = 'admitted'

/** Call it before any route is registered. */
export function decorateRequests(server: FastifyInstance): void {
  server.decorateRequest(admitted, null)
  server.decorateRequest(recorded, null)
  server.decorateRequest(deedOf, null)
}

/** The values that no body of any route may have, by field. */
function problemOf(body: unknown): DeisError | undefined {
  if (body === undefined) return undefined
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body)
  const parts = isObject ? Object.entries(body) : [['non_field_errors', body] as const]
  const problems = parts.flatMap(([field, value]) => {
    const problem = unstorable(field) ?? unstorable(value)
    return problem === null ? [] : [{ field, problem }]
  })
  if (problems.length === 0) return undefined
  const fields = Object.fromEntries(problems.map(({ field, problem }) => [field, [problem]]))
  return new DeisError('invalid', Object.values(fields).flat().join(' '), { fields })
}

/** Authenticate → permission → object lookup → object permission (docs/contract/api.md §1.3); the body is checked afterwards. */
async function admit(core: Core, route: Route, request: FastifyRequest): Promise<void> {
  const found: Admitted = { caller: null, token: '', app: null }
  request.setDecorator(admitted, found)
  try {
    await identify(core, route, request, found)
  } finally {
    if (isChange(route)) request.setDecorator(deedOf, beginDeed(core, route, request, found.caller))
  }
  const params = Object.values(request.params as Record<string, string>)
  if (!params.every(isStorableText)) throw new DeisError('not_found', 'Not found.')
  if (route.access === 'app' || route.access === 'app-owner') {
    const { id } = request.params as { id: string }
    if (found.caller) found.app = await authorize(core, found.caller, id, route.access)
    const deed = request.getDecorator<Deed | null>(deedOf)
    if (deed) deed.app = found.app
  }
}

async function identify(core: Core, route: Route, request: FastifyRequest, found: Admitted): Promise<void> {
  if (route.access === 'builder') {
    found.caller = await requireBuilderKey(core, request)
    if (found.caller) throw forbidden()
    return
  }
  if (route.access === 'anyone') {
    Object.assign(found, await optionalCaller(core, request, route.path.startsWith('/v2/auth/register')))
    return
  }
  Object.assign(found, await callerOf(core, request))
  if (route.access === 'admin' && !found.caller?.isSuperuser) throw forbidden()
}

function goneSignal(request: FastifyRequest, reply: FastifyReply): AbortSignal {
  const abort = new AbortController()
  reply.raw.on('close', () => {
    if (!reply.raw.writableEnded) abort.abort(new Error('the client disconnected'))
  })
  if (request.raw.destroyed && !request.raw.complete) abort.abort(new Error('the client disconnected'))
  return abort.signal
}

const restPattern = /:([a-z]+)$/

/** A last parameter that may contain slashes is what Fastify calls a wildcard. */
function urlOf(route: Route): string {
  return route.rest ? route.path.replace(restPattern, '*') : route.path
}

function nameRest(route: Route, request: FastifyRequest): void {
  const name = route.rest ? restPattern.exec(route.path)?.[1] : undefined
  if (name === undefined) return
  const { '*': value, ...others } = request.params as Record<string, string>
  request.params = { ...others, [name]: value }
}

/** Registers a route. The handler returns the response body, or nothing when there is none or it has replied. */
export function serve<const R extends Route>(
  server: FastifyInstance,
  core: Core,
  route: R,
  handler: (served: Served<R>) => Promise<Response<R> | void>,
): void {
  const schema = {
    ...(route.params ? { params: route.params } : {}),
    ...(route.query ? { querystring: route.query } : {}),
    ...(route.body ? { body: route.body } : {}),
    ...(isObjectSchema(route.response) ? { response: { [route.status]: route.response } } : {}),
  }
  server.route({
    method: route.method,
    url: urlOf(route),
    schema,
    bodyLimit: route.bodyBytes ?? usualBodyBytes,
    onRequest: (request) => {
      nameRest(route, request)
      return admit(core, route, request)
    },
    ...(isChange(route)
      ? {
          onSend: async (request, reply, payload) => {
            await finishDeed(core, route, request, reply)
            await endRecord(core, request, reply, payload)
          },
        }
      : {}),
    // No body at all is an empty object (docs/contract/api.md §1.7).
    preValidation: (request, _, done) => {
      if (route.body && request.body === undefined) request.body = {}
      const problem = problemOf(request.body)
      if (problem === undefined) describeDeed(route, request)
      done(problem)
    },
    handler: async (request, reply) => {
      const { caller: user, token, app } = request.getDecorator<Admitted>(admitted)
      const named = user ? await beginRecord(core, route, request, reply, { caller: user, app }) : undefined
      if (named === null) return reply
      const deed = request.getDecorator<Deed | null>(deedOf)
      const change = deed ? { deed, ...(named ? { named } : {}) } : undefined
      const caller = user && change ? { ...user, request: change } : user
      const answer = await handler({
        params: request.params as Params<R>,
        query: request.query as Query<R>,
        body: request.body as Body<R>,
        get caller() {
          if (!caller) throw new DeisError('unauthenticated', 'Authentication credentials were not provided.')
          return caller
        },
        anyone: caller,
        change,
        token,
        get app() {
          if (!app) throw new DeisError('internal', `${route.path} has no app`)
          return app
        },
        get gone() {
          return goneSignal(request, reply)
        },
        request,
        reply,
      })
      if (reply.sent) return reply
      reply.code(reply.statusCode === 200 ? route.status : reply.statusCode)
      if (answer === undefined || answer === null) return reply.send()
      return reply.send(answer)
    },
  })
}

/**
 * Registers a route for WebSockets: refused like every other request, before the upgrade. Call it in a plugin that is
 * registered after `acceptSockets`.
 */
export function serveSocket(
  server: FastifyInstance,
  core: Core,
  route: Route,
  handler: (
    socket: WebSocket,
    served: { readonly caller: Caller; readonly app: AppRow; readonly request: FastifyRequest; readonly deed: Deed },
  ) => Promise<void>,
): void {
  server.route({
    method: route.method,
    url: urlOf(route),
    schema: route.params ? { params: route.params } : {},
    onRequest: (request) => admit(core, route, request),
    onSend: (request, reply) => finishDeed(core, route, request, reply),
    handler: async (_, reply) =>
      reply.code(426).headers({ upgrade: 'websocket', connection: 'upgrade' }).send({
        detail:
          'This endpoint serves WebSockets only. The request did not ask for one, or a proxy removed its Upgrade header.',
      }),
    wsHandler: async (socket, request) => {
      const { caller, app } = request.getDecorator<Admitted>(admitted)
      const deed = request.getDecorator<Deed | null>(deedOf)
      if (!caller || !app || !deed) throw new Error(`${route.path} is served without a caller or without an app`)
      await handler(socket, { caller, app, request, deed })
    },
  })
}

function isObjectSchema(schema: object): boolean {
  const { type } = schema as { type?: string }
  return type === 'object' || type === 'array'
}

const allMethods: HTTPMethods[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

/** Answers the methods that a known path does not have: 401 without a token, else 405 with `Allow`. */
export function refuseOtherMethods(server: FastifyInstance, core: Core, routes: readonly Route[]): void {
  const byPath = new Map<string, Route[]>()
  for (const route of routes) {
    const path = route.path.replace(/(.)\/$/, '$1').replace(/:[a-z]+/g, ':')
    byPath.set(path, [...(byPath.get(path) ?? []), route])
  }
  for (const same of byPath.values()) {
    const [first] = same
    if (!first) continue
    const allow = same.map((route) => route.method)
    const open = same.every((route) => route.access === 'anyone')
    server.route({
      method: allMethods.filter((method) => !allow.includes(method as Route['method'])),
      url: urlOf(first),
      exposeHeadRoute: false,
      onRequest: async (request, reply) => {
        if (!open) await callerOf(core, request)
        reply.header('allow', allow.join(', '))
        throw new DeisError('method', `Method "${request.method}" not allowed.`)
      },
      handler: async () => null,
    })
  }
}
