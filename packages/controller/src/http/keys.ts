// Which endpoints are about SSH keys?
import * as types from '@deis/types'
import type { FastifyInstance } from 'fastify'
import type { Core } from '../domain/core.ts'
import { addKey, keyNamed, keysPage, removeKey } from '../domain/accounts/keys.ts'
import { pageOf } from './paging.ts'
import { serve } from './serve.ts'

export function serveKeys(server: FastifyInstance, core: Core): void {
  serve(server, core, types.listKeys, ({ caller, request, query }) =>
    pageOf(request, query, (page) => keysPage(core, caller, page)),
  )
  serve(server, core, types.addKey, ({ caller, body }) => addKey(core, caller, body))
  serve(server, core, types.getKey, ({ caller, params }) => keyNamed(core, caller, params.id))
  serve(server, core, types.removeKey, ({ caller, params }) => removeKey(core, caller, params.id))
}
