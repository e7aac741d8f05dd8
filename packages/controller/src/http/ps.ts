// Which endpoints are about processes?
import * as types from '@deis/types'
import type { FastifyInstance } from 'fastify'
import type { Core } from '../domain/core.ts'
import { stopOneOff } from '../domain/live/one-offs.ts'
import { listPods, restartPods, scaleApp } from '../domain/live/ps.ts'
import { serve } from './serve.ts'

export function servePs(server: FastifyInstance, core: Core): void {
  const list = (results: types.Pod[]): { count: number; results: types.Pod[] } => ({ count: results.length, results })
  serve(server, core, types.scaleApp, ({ caller, app, body }) => scaleApp(core, caller, app, body))
  serve(server, core, types.listPods, async ({ app, query }) =>
    list(await listPods(core, app, { oneOffs: query.one_off === '1' || query.one_off === 'true' })),
  )
  serve(server, core, types.listPodsOfType, async ({ app, params }) =>
    list(await listPods(core, app, { type: params.type })),
  )
  serve(server, core, types.getPods, async ({ app, params }) => list(await listPods(core, app, { name: params.name })))
  serve(server, core, types.stopPod, ({ caller, app, params }) => stopOneOff(core, caller.username, app, params.name))
  serve(server, core, types.restartPods, ({ app }) => restartPods(core, app, {}))
  serve(server, core, types.restartPodsOfType, ({ app, params }) => restartPods(core, app, { type: params.type }))
  serve(server, core, types.restartPod, ({ app, params }) => restartPods(core, app, { name: params.name }))
}
