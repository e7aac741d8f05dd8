// Which endpoints are about the platform itself: where it is, how it is, and what its routers need?
import { once } from 'node:events'
import * as types from '@deis/types'
import type { FastifyInstance } from 'fastify'
import type { Core } from '../domain/core.ts'
import { examine } from '../domain/doctor.ts'
import { serve } from './serve.ts'

/** Far below the router's patience of 15 s. */
const pingMs = 5_000

export function servePlatform(server: FastifyInstance, core: Core, gitUrl: (host: string) => string): void {
  serve(server, core, types.getPlatform, async ({ request }) => {
    const port = core.routes.routerPort() ?? core.config.routerPort
    return {
      git: gitUrl(request.hostname),
      domain: core.config.platformDomain,
      scheduler: core.scheduler.name,
      ...(port === 0 ? {} : { router_port: port }),
    }
  })
  serve(server, core, types.doctor, ({ caller }) => examine(core, caller))
  serve(server, core, types.streamRoutes, async ({ query, reply }) => {
    reply.hijack()
    reply.raw.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' })
    const write = (event: types.RouteEvent): void => void reply.raw.write(`${JSON.stringify(event)}\n`)
    const end = core.routes.subscribe(query.router, write)
    const ping = setInterval(() => core.routes.ping(), pingMs)
    const stop = (): void => void reply.raw.end()
    core.shutdown.addEventListener('abort', stop, { once: true })
    if (core.shutdown.aborted) stop()
    try {
      await once(reply.raw, 'close')
    } finally {
      core.shutdown.removeEventListener('abort', stop)
      clearInterval(ping)
      end()
    }
    return undefined
  })
  serve(server, core, types.reportRouterState, async ({ body }) => {
    core.routes.report(body)
    return undefined
  })
}
