// What can this installation do, and what can it not?
import { type Check, productVersion } from '@deis/types'
import { statfs } from 'node:fs/promises'
import { checkBackups } from './backups.ts'
import { checkCertificates } from './acme/check.ts'
import { checkRouters } from './edge/routes.ts'
import type { Caller, Core } from './core.ts'
import { lookAtUnready } from './releases/start.ts'

async function disk(core: Core): Promise<Check> {
  const { bavail, bsize } = await statfs(core.config.dataDir)
  const megabytes = Math.floor((bavail * bsize) / 1024 / 1024)
  const low = megabytes < 1024
  return {
    name: 'disk',
    status: low ? 'limited' : 'ok',
    detail: `${megabytes} MB free in the data folder${low ? '; free some space before builds are refused' : ''}`,
    ...(low ? { concern: 'broken' } : {}),
  }
}

export async function examine(
  core: Core,
  caller: Pick<Caller, 'isSuperuser'>,
): Promise<{ scheduler: string; version: string; checks: Check[] }> {
  const [certificates, runs, builds, space, backups] = await Promise.all([
    checkCertificates(core),
    core.scheduler.capabilities().then((can) => can.checks()),
    core.builder.checks(),
    disk(core),
    checkBackups(core.config),
    lookAtUnready(core),
  ])
  return {
    scheduler: core.scheduler.name,
    version: productVersion,
    checks: [
      ...runs,
      checkRouters(core),
      ...certificates,
      ...builds,
      space,
      ...(backups === null ? [] : [backups]),
      core.here.failingApps.check(caller.isSuperuser),
    ],
  }
}
