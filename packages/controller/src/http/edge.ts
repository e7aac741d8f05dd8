// Which endpoints are about an app's edge: domains, settings, whitelist and TLS?
import * as types from '@deis/types'
import type { FastifyInstance } from 'fastify'
import type { Core } from '../domain/core.ts'
import { addDomain, domainsPage, removeDomain } from '../domain/edge/domains.ts'
import { changeSettings, currentSettings } from '../domain/apps/settings.ts'
import { changeTls, currentTls } from '../domain/edge/tls.ts'
import { addAddresses, currentWhitelist, removeAddresses } from '../domain/edge/whitelist.ts'
import { pageOf } from './paging.ts'
import { serve } from './serve.ts'

export function serveEdge(server: FastifyInstance, core: Core): void {
  serve(server, core, types.listDomains, ({ app, request, query }) =>
    pageOf(request, query, (page) => domainsPage(core, app, page)),
  )
  serve(server, core, types.addDomain, ({ caller, app, body }) => addDomain(core, caller, app, body.domain))
  serve(server, core, types.removeDomain, ({ caller, app, params }) => removeDomain(core, caller, app, params.domain))
  serve(server, core, types.getSettings, ({ app }) => currentSettings(core, app))
  serve(server, core, types.setSettings, ({ caller, app, body }) => changeSettings(core, caller, app, body))
  serve(server, core, types.getWhitelist, ({ app }) => currentWhitelist(core, app))
  serve(server, core, types.addToWhitelist, ({ caller, app, body }) => addAddresses(core, caller, app, body.addresses))
  serve(server, core, types.removeFromWhitelist, ({ caller, app, body }) =>
    removeAddresses(core, caller, app, body.addresses),
  )
  serve(server, core, types.getTraffic, async ({ app }) => core.traffic.of(app.id))
  serve(server, core, types.getTls, ({ app }) => currentTls(core, app))
  serve(server, core, types.setTls, ({ caller, app, body }) => changeTls(core, caller, app, body))
}
