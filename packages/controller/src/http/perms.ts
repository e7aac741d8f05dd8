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
  serve(server, core, types.addCollaborator, async ({ caller, app, body }) => {
    await addCollaborator(core, caller, app, body.username)
    return undefined
  })
  serve(server, core, types.removeCollaborator, async ({ caller, app, params }) => {
    await removeCollaborator(core, caller, app, params.username)
    return undefined
  })
  serve(server, core, types.listAdmins, ({ request, query }) =>
    pageOf(request, query, (page) => adminsPage(core, page)),
  )
  serve(server, core, types.addAdmin, async ({ caller, body }) => {
    await addAdmin(core, caller, body.username)
    return undefined
  })
  serve(server, core, types.removeAdmin, async ({ caller, params }) => {
    await removeAdmin(core, caller, params.username)
    return undefined
  })
}
