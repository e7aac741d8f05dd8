// Which endpoints are about where an app's log lines are sent?
import * as types from '@deis/types'
import type { FastifyInstance } from 'fastify'
import type { Core } from '../domain/core.ts'
import { addDrain, drainsPage, removeDrain, testDrain } from '../domain/drains/drains.ts'
import { pageOf } from './paging.ts'
import { serve } from './serve.ts'

export function serveDrains(server: FastifyInstance, core: Core): void {
  serve(server, core, types.listDrains, ({ app, request, query }) =>
    pageOf(request, query, (page) => drainsPage(core, app, page)),
  )
  serve(server, core, types.addDrain, ({ caller, app, body }) => addDrain(core, caller, app, body.url))
  serve(server, core, types.removeDrain, ({ caller, app, params }) => removeDrain(core, caller, app, params.uuid))
  serve(server, core, types.testDrain, ({ app, params }) => testDrain(core, app, params.uuid))
}
