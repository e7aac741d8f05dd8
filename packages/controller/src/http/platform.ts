// Which endpoints are about the platform itself: its addresses and its state?
import * as types from '@deis/types'
import type { FastifyInstance } from 'fastify'
import type { Core } from '../domain/core.ts'
import { examine } from '../domain/doctor.ts'
import { publicPort } from '../domain/edge/routes.ts'
import { serve } from './serve.ts'

export function servePlatform(server: FastifyInstance, core: Core, gitUrl: (host: string) => string): void {
  serve(server, core, types.getPlatform, async ({ request }) => {
    const port = publicPort(core)
    return {
      git: gitUrl(request.hostname),
      domain: core.config.platformDomain,
      scheduler: core.scheduler.name,
      ...(port === 0 ? {} : { router_port: port }),
    }
  })
  serve(server, core, types.doctor, ({ caller }) => examine(core, caller))
}
