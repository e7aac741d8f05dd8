// Which endpoints are about builds, config and releases?
import * as types from '@deis/types'
import type { FastifyInstance } from 'fastify'
import { cancelBuild } from '../domain/builds/build.ts'
import { rebaseApp } from '../domain/builds/rebase.ts'
import { buildSbom } from '../domain/builds/sbom.ts'
import { buildOf, buildsPage, createBuild } from '../domain/builds/builds.ts'
import { changeConfig, currentConfig } from '../domain/apps/config.ts'
import type { Core } from '../domain/core.ts'
import { buildLog, followBuild } from '../domain/builds/follow-build.ts'
import { releaseNamed, releasesPage, rollBack } from '../domain/releases/releases.ts'
import { isFollowed, sendLive, stillAdmitted } from './live.ts'
import { pageOf } from './paging.ts'
import type { Slots } from './slots.ts'
import { serve } from './serve.ts'
import { warn } from './warning.ts'

export function serveReleases(server: FastifyInstance, core: Core, followers: Slots): void {
  serve(server, core, types.listBuilds, ({ app, request, query }) =>
    pageOf(request, query, (page) => buildsPage(core, app, page, query.all !== undefined)),
  )
  serve(server, core, types.createBuild, async ({ caller, app, body, reply }) => {
    const { made, notice } = await createBuild(core, caller, app, body)
    warn(reply, notice)
    return made
  })
  serve(server, core, types.getBuild, ({ app, params }) => buildOf(core, app, params.uuid))
  serve(server, core, types.getBuildLog, async ({ caller, app, params, query, request, reply, gone }) => {
    if (isFollowed(request, query.follow)) {
      const isAllowed = stillAdmitted(core, request, app)
      const release = followers.take(caller.username)
      await sendLive(reply, release, followBuild(core, app, params.uuid, { signal: gone, isAllowed }))
      return
    }
    reply.type('text/plain; charset=utf-8').send(await buildLog(core, app, params.uuid))
  })
  serve(server, core, types.cancelBuild, ({ caller, app, params }) => cancelBuild(core, caller, app, params.uuid))
  serve(server, core, types.rebaseApp, async ({ caller, app, body, reply }) => {
    const { answer, notice } = await rebaseApp(core, caller, app, body.run_image ?? null)
    warn(reply, notice)
    return answer
  })
  serve(server, core, types.getSbom, ({ app, params, query, gone }) =>
    buildSbom(core, app, params.uuid, query.format, gone),
  )
  serve(server, core, types.getConfig, ({ app }) => currentConfig(core, app))
  serve(server, core, types.setConfig, async ({ caller, app, body, reply }) => {
    const { config, notice } = await changeConfig(core, caller, app, body)
    warn(reply, notice)
    return config
  })
  serve(server, core, types.listReleases, ({ app, request, query }) =>
    pageOf(request, query, (page) => releasesPage(core, app, page)),
  )
  serve(server, core, types.getRelease, ({ app, params }) => releaseNamed(core, app, params.version))
  serve(server, core, types.rollback, async ({ caller, app, body, reply }) => {
    const { version, notice } = await rollBack(core, caller, app, body.version)
    warn(reply, notice)
    return { version }
  })
}
