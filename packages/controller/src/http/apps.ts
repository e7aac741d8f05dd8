// Which endpoints are about apps as a whole?
import * as types from '@deis/types'
import type { FastifyInstance } from 'fastify'
import { appsPage, createApp, destroyApp, shownApp } from '../domain/apps/apps.ts'
import { renameApp } from '../domain/apps/rename.ts'
import { transferApp } from '../domain/apps/transfer.ts'
import type { Core } from '../domain/core.ts'
import { followLogs } from '../domain/live/follow-logs.ts'
import { appLogs, lineCount, processType } from '../domain/live/logs.ts'
import { startDetached } from '../domain/live/detached.ts'
import { runCommand } from '../domain/live/run.ts'
import { requestId } from './request-id.ts'
import { isFollowed, sendLive, stillAdmitted } from './live.ts'
import { pageOf } from './paging.ts'
import type { Slots } from './slots.ts'
import { serve } from './serve.ts'

export function serveApps(server: FastifyInstance, core: Core, followers: Slots): void {
  serve(server, core, types.listApps, ({ caller, request, query }) =>
    pageOf(request, query, (page) => appsPage(core, caller, page)),
  )
  serve(server, core, types.createApp, ({ caller, body }) => createApp(core, caller, body.id))
  serve(server, core, types.getApp, ({ app }) => shownApp(core, app))
  serve(server, core, types.updateApp, ({ caller, app, body }) => transferApp(core, caller, app, body.owner))
  serve(server, core, types.renameApp, ({ caller, app, body }) => renameApp(core, caller, app, body.id))
  serve(server, core, types.destroyApp, ({ app, change }) => destroyApp(core, app, change))
  serve(server, core, types.runCommand, ({ caller, app, body, gone, request }) =>
    runCommand(core, caller.username, app, body.command, gone, requestId(request)),
  )
  serve(server, core, types.startOneOff, ({ caller, app, body }) =>
    startDetached(core, caller.username, app, body.command),
  )
  serve(server, core, types.getLogs, async ({ caller, app, query, request, reply, gone }) => {
    const wanted = { lines: lineCount(query.log_lines), type: processType(query.type) }
    if (isFollowed(request, query.follow)) {
      const isAllowed = stillAdmitted(core, request, app)
      const release = followers.take(caller.username)
      await sendLive(reply, release, followLogs(core, app.id, wanted, { signal: gone, isAllowed }))
      return
    }
    const text = await appLogs(core, app.id, wanted)
    if (text === '') reply.code(204)
    else reply.type('text/plain; charset=utf-8').send(text)
  })
}
