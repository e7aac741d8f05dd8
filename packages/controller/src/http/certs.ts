// Which endpoints are about certificates?
import * as types from '@deis/types'
import type { FastifyInstance } from 'fastify'
import { autoCertsOf, autoCertsPage, retryAutoCert, turnAutoCerts } from '../domain/acme/auto-certs.ts'
import { addCert, attachCert, certNamed, certsPage, detachCert, removeCert } from '../domain/edge/certs.ts'
import type { Core } from '../domain/core.ts'
import { pageOf } from './paging.ts'
import { serve } from './serve.ts'

export function serveCerts(server: FastifyInstance, core: Core): void {
  serve(server, core, types.listCerts, ({ caller, request, query }) =>
    pageOf(request, query, (page) => certsPage(core, caller, page)),
  )
  serve(server, core, types.listAutoCerts, ({ caller, request, query }) =>
    pageOf(request, query, (page) => autoCertsPage(core, caller, page)),
  )
  serve(server, core, types.retryAutoCert, ({ caller, body }) => retryAutoCert(core, caller, body.domain))
  serve(server, core, types.getAutoCerts, ({ app }) => autoCertsOf(core, app))
  serve(server, core, types.setAutoCerts, ({ caller, app, body }) => turnAutoCerts(core, caller, app, body.enabled))
  serve(server, core, types.addCert, ({ caller, body }) => addCert(core, caller, body))
  serve(server, core, types.getCert, ({ caller, params }) => certNamed(core, caller, params.name))
  serve(server, core, types.removeCert, ({ caller, params }) => removeCert(core, caller, params.name))
  serve(server, core, types.attachCert, ({ caller, params, body }) =>
    attachCert(core, caller, params.name, body.domain),
  )
  serve(server, core, types.attachCertByPath, ({ caller, params }) =>
    attachCert(core, caller, params.name, params.domain),
  )
  serve(server, core, types.detachCert, ({ caller, params }) => detachCert(core, caller, params.name, params.domain))
}
