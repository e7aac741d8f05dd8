// Which endpoints are for external builders?
import * as types from '@deis/types'
import type { FastifyInstance } from 'fastify'
import type { Core } from '../domain/core.ts'
import { hookBuild, hookConfig, keysOfApp, keysOfUser, ownerOfKey } from '../domain/builds/hooks.ts'
import { serve } from './serve.ts'

export function serveHooks(server: FastifyInstance, core: Core): void {
  serve(server, core, types.hookKey, ({ params }) => ownerOfKey(core, params.fingerprint))
  serve(server, core, types.hookKeys, ({ params }) => keysOfApp(core, params.id))
  serve(server, core, types.hookUserKeys, ({ params }) => keysOfUser(core, params.id, params.username))
  serve(server, core, types.hookBuild, async ({ body, change }) => ({
    release: { version: await hookBuild(core, body, change) },
  }))
  serve(server, core, types.hookConfig, ({ body }) => hookConfig(core, body))
}
