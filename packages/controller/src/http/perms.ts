// Which endpoints are about collaborators and admins?
import * as types from '@deis/types'
import type { FastifyInstance } from 'fastify'
import type { Core } from '../domain/core.ts'
import {
  addAdmin,
  addCollaborator,
  adminsPage,
  collaborators,
  removeAdmin,
  removeCollaborator,
} from '../domain/accounts/perms.ts'
import { pageOf } from './paging.ts'
import { serve } from './serve.ts'

export function servePerms(server: FastifyInstance, core: Core): void {
  serve(server, core, types.listCollaborators, ({ app }) => collaborators(core, app))
  serve(server, core, types.addCollaborator, ({ caller, app, body }) =>
    addCollaborator(core, caller, app, body.username),
  )
  serve(server, core, types.removeCollaborator, ({ caller, app, params }) =>
    removeCollaborator(core, caller, app, params.username),
  )
  serve(server, core, types.listAdmins, ({ request, query }) =>
    pageOf(request, query, (page) => adminsPage(core, page)),
  )
  serve(server, core, types.addAdmin, ({ caller, body }) => addAdmin(core, caller, body.username))
  serve(server, core, types.removeAdmin, ({ caller, params }) => removeAdmin(core, caller, params.username))
}
