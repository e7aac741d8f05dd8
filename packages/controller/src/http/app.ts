// What does the HTTP server look like as a whole? Importable without listening.
import type { IncomingMessage, ServerResponse } from 'node:http'
import * as types from '@deis/types'
import { routesProtocol } from '@deis/types/channel'
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify'
import type { Core } from '../domain/core.ts'
import { parseJson } from '../domain/apps/json.ts'
import { routersNow } from '../domain/edge/routes.ts'
import { serveAccounts } from './accounts.ts'
import { serveApps } from './apps.ts'
import { serveCerts } from './certs.ts'
import { serveClientPackage } from './client-package.ts'
import { compilersFactory } from './compilers.ts'
import { boundConnections } from './connections.ts'
import { serveDeviceLogins } from './device-logins.ts'
import { serveDrains } from './drains.ts'
import { serveEdge } from './edge.ts'
import { invalidBody, sendError } from './errors.ts'
import { serveEvents } from './events.ts'
import { serveHooks } from './hooks.ts'
import { createGuesses } from './guesses.ts'
import { createFollowSlots } from './live.ts'
import { serveKeys } from './keys.ts'
import { createHttpServer } from './listen.ts'
import { serveMove } from './move.ts'
import { openapi } from './openapi.ts'
import { servePage } from './page.ts'
import { servePerms } from './perms.ts'
import { type GitAddress, servePlatform } from './platform.ts'
import { servePs } from './ps.ts'
import { serveReleases } from './releases.ts'
import { requestNamed } from '../domain/requests/requests.ts'
import { acceptRouters } from './routers.ts'
import { decorateRequests, refuseOtherMethods, serve } from './serve.ts'
import { serveTerminal } from './terminal.ts'
import { acceptSockets } from './upgrade.ts'
import { anyOf } from '@deis/lib/networks'
import { callerOf } from './auth.ts'
import { warn } from './warning.ts'

/** Every answer has these, also one that no route gave. */
const everyAnswer = {
  [types.apiVersionHeader]: types.apiVersion,
  [types.platformVersionHeader]: types.platformVersion,
  [types.productVersionHeader]: types.productVersion,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cache-control': 'no-store',
}

function isRoute(value: unknown): value is types.Route {
  return typeof value === 'object' && value !== null && 'access' in value && 'path' in value
}

/** Every route of the contract, all of which this server has, by name. */
export const namedRoutes: Readonly<Record<string, types.Route>> = Object.fromEntries(
  Object.entries<unknown>(types).filter((entry): entry is [string, types.Route] => isRoute(entry[1])),
)
export const routes: readonly types.Route[] = Object.values(namedRoutes)

/** Folders of the build: the package of the client, and the page. */
export type ServedFiles = { readonly client: string | null; readonly page: string | null }

/**
 * `intercept` sees every request first and returns whether it took it. `files` is what browsers and shells get.
 */
export function createApp(
  core: Core,
  git: GitAddress,
  intercept: ((request: IncomingMessage, response: ServerResponse) => boolean) | null = null,
  files: ServedFiles = { client: null, page: null },
): FastifyInstance {
  // Named as Fastify's own type, or the server's type would carry pino's.
  const loggerInstance: FastifyBaseLogger = core.log
  const server = Fastify({
    loggerInstance,
    serverFactory(handler) {
      const server = createHttpServer(
        handler,
        (request, response) => refuses(request, response) || (intercept?.(request, response) ?? false),
      )
      const refuses = boundConnections(server, {
        ...core.config.connections,
        isProxy: anyOf(core.config.trustedProxies),
      })
      return server
    },
    bodyLimit: types.usualBodyBytes,
    // Clients append paths to an address that may end with a slash.
    rewriteUrl: ({ url = '/' }) => url.replace(/^\/{2,}/, '/'),
    // A URL that cannot be decoded reaches no route.
    frameworkErrors: (error, request, reply) => void sendError(error, request, reply.headers(everyAnswer)),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 2_000 },
    // Deploys, builds and runs answer when they are done.
    requestTimeout: 0,
    connectionTimeout: 0,
    forceCloseConnections: 'idle',
    // What still comes on connections that are open is answered, and they are closed then.
    return503OnClosing: false,
    logController: new LogController({ disableRequestLogging: true }),
    // From the right, the first address of X-Forwarded-For that is none of these is the client's.
    trustProxy: core.config.trustedProxies.length > 0 ? [...core.config.trustedProxies] : false,
    schemaController: { compilersFactory },
    ajv: {
      customOptions: {
        removeAdditional: false,
        coerceTypes: false,
        useDefaults: false,
        allErrors: true,
        strict: false,
        verbose: true,
      },
    },
    schemaErrorFormatter: (errors) => invalidBody(errors),
  })
  decorateRequests(server)
  // Those of every request call back, which takes less than a promise each.
  server.addHook('onRequest', (_, reply, done) => {
    reply.headers(everyAnswer)
    done()
  })
  server.addHook('onResponse', (request, reply, done) => {
    const { method, routeOptions, is404 } = request
    // A path that no route has is never a label: anybody can ask for any number of them.
    const route = is404 ? 'none' : (routeOptions.url ?? 'none')
    core.measures.request({ route, method, status: reply.statusCode }, reply.elapsedTime / 1000)
    done()
  })
  if (core.config.quarantine) server.addHook('onRequest', (request, _, done) => done(refusedInQuarantine(request)))
  server.addHook('onSend', (request, reply, _, done) => {
    addRouters(core, request, reply)
    // JSON has only one charset, which is not named (docs/contract/api.md §1.1).
    if (reply.getHeader('content-type') === 'application/json; charset=utf-8')
      reply.header('content-type', 'application/json')
    done()
  })
  // Clients send the JSON content type with empty bodies, also on DELETE (docs/contract/api.md §1.7).
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (_, text, done) => {
    const body = String(text).trim()
    if (body === '') return done(null, undefined)
    try {
      return done(null, parseJson(body))
    } catch (error) {
      return done(error as types.DeisError)
    }
  })
  server.setErrorHandler((error, request, reply) => sendError(error, request, reply))
  server.setNotFoundHandler(async (request, reply) => {
    if (request.url.startsWith('/v2/')) await callerOf(core, request)
    return reply.code(404).send({ detail: 'Not found.' })
  })
  serveHealth(server, core)
  serveClientPackage(server, files.client)
  const guesses = createGuesses()
  serveAccounts(server, core, guesses)
  serveDeviceLogins(server, core, guesses)
  serveKeys(server, core)
  const followers = createFollowSlots()
  serveApps(server, core, followers)
  serveReleases(server, core, followers)
  servePs(server, core)
  serveEdge(server, core)
  serveCerts(server, core)
  servePerms(server, core)
  serveHooks(server, core)
  serveEvents(server, core)
  serveDrains(server, core)
  servePlatform(server, core, git)
  serve(server, core, types.getRequest, ({ caller, params }) => requestNamed(core, caller, params.id))
  const document = openapi(namedRoutes)
  serve(server, core, types.getOpenapi, async () => document)
  if (files.page !== null) servePage(server, files.page)
  refuseOtherMethods(server, core, routes)
  acceptSockets(server, routes, new Map([[routesProtocol, acceptRouters(core)]]))
  // Only there are bodies taken that are not JSON.
  void server.register(async (scope) => serveMove(scope, core))
  void server.register(async (scope) => serveTerminal(scope, core))
  return server
}

/** What is stored stays as it was restored. Whoever looks at it has to log in. */
function refusedInQuarantine({ method, url }: FastifyRequest): types.DeisError | undefined {
  if (['GET', 'HEAD'].includes(method) || /^\/v2\/auth\/login\/?$/.test(url)) return undefined
  return new types.DeisError(
    'unavailable',
    'This platform is in quarantine (DEIS_QUARANTINE): it shows what is stored, and changes nothing.',
  )
}

/** A change of an app or a certificate may change routes, which take effect when routers have applied them. */
function addRouters(core: Core, request: FastifyRequest, reply: FastifyReply): void {
  if (request.method === 'GET' || reply.statusCode >= 300 || !/^\/v2\/(apps|certs)\//.test(request.url)) return
  const { count, warning } = routersNow(core)
  reply.header(types.routersHeader, count)
  warn(reply, warning)
}

function serveHealth(server: FastifyInstance, core: Core): void {
  server.get('/healthz', async (_, reply) => reply.type('text/html; charset=utf-8').send('OK'))
  server.get('/readiness', async (_, reply) => {
    if (core.shutdown.aborted) throw new types.DeisError('unavailable', 'The controller is stopping.')
    try {
      await core.db.user.count()
    } catch (error) {
      throw new types.DeisError('unavailable', 'Service temporarily unavailable, try again later.', { cause: error })
    }
    return reply.type('text/html; charset=utf-8').send('OK')
  })
  for (const url of ['/healthz', '/readiness'])
    server.route({
      method: ['POST', 'PUT', 'PATCH', 'DELETE'],
      url,
      handler: async (_, reply) => reply.code(405).header('allow', 'GET, HEAD').send(),
    })
}
