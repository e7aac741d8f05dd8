// Which endpoints show recorded changes?
import * as types from '@deis/types'
import type { FastifyInstance } from 'fastify'
import type { Core } from '../domain/core.ts'
import { eventsPage } from '../domain/events/events.ts'
import { pageOf } from './paging.ts'
import { serve } from './serve.ts'

export function serveEvents(server: FastifyInstance, core: Core): void {
  serve(server, core, types.listAppEvents, ({ app, request, query }) =>
    pageOf(request, query, (page) => eventsPage(core, app, { ...page, before: query.before, after: query.after })),
  )
  serve(server, core, types.listEvents, ({ request, query }) =>
    pageOf(request, query, (page) => eventsPage(core, null, { ...page, before: query.before, after: query.after })),
  )
}
