// Which endpoints are about the platform itself: its addresses and its state?
import * as types from '@deis/types'
import type { FastifyInstance } from 'fastify'
import type { Core } from '../domain/core.ts'
import { examine } from '../domain/doctor.ts'
import { publicPort } from '../domain/edge/routes.ts'
import { serve } from './serve.ts'

/** How git is reached. */
export type GitAddress = {
  /** Gets the host name that the client used: where the server listens on every address, nothing else is known. */
  readonly url: (host: string) => string
  /** As in known_hosts. */
  readonly hostKeys: readonly string[]
}

export function servePlatform(server: FastifyInstance, core: Core, git: GitAddress): void {
  serve(server, core, types.getPlatform, async ({ request }) => {
    const port = publicPort(core)
    return {
      git: git.url(request.hostname),
      git_host_keys: [...git.hostKeys],
      domain: core.config.platformDomain,
      scheduler: core.scheduler.name,
      ...(port === 0 ? {} : { router_port: port }),
    }
  })
  serve(server, core, types.doctor, ({ caller }) => examine(core, caller))
}
