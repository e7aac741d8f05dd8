// Which states has a build, and who moves it from one to the next?
//
//   git push ──▶ running ──┬─ the builder gives an artifact ─────────────────────▶ succeeded ──▶ a release (release-build.ts)
//                          ├─ the builder or a submodule fails ──────────────────▶ failed
//                          ├─ a user cancels it, the push or the controller ends ▶ canceled
//                          └─ its controller was killed ─────────────────────────▶ abandoned
//   an image that exists already, or one that gets another run image ────────────▶ succeeded
//
// `running` is left once, and nothing else is ever left. The controller that holds the app's push lock moves its build
// (`succeed`, `fail`). Every other one asks it to with a message. A lock that is free says that a build which still runs
// has no controller: who cancels it (`cancelBuild`), starts, or looks for unfinished work (`abandonBuilds`) ends its row.
// A start continues no build: its push failed with the connection, and is repeated. It does continue the deploy of a
// release that was stored (releases/converge.ts).
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Build, DeisError, notFound } from '@deis/types'
import { unlessAborted } from '@deis/lib/wait'
import type { BuildResult, CnbFacts } from '@deis/ports/builder'
import type { Push } from '@deis/ports/push'
import type * as Row from '../../store/generated/sqlite/client.ts'
import { atOnce } from '../apps/bulk.ts'
import { type AppRow, toBuild } from '../apps/rows.ts'
import type { Caller, Core } from '../core.ts'
import { type BuildLog, openBuildLog } from './log.ts'

/** A build that is made in this controller, until its deploy has ended. */
export type RunningBuild = {
  readonly uuid: string
  readonly log: BuildLog
  /** Aborted when a user cancels the build, or another controller may have its lock. */
  readonly signal: AbortSignal
  /** From here on it cannot be cancelled. @throws when it was */
  succeed(result: BuildResult): Promise<Row.Build>
  /** @throws who cancelled it, or else the error */
  fail(error: unknown, isCanceled: boolean): Promise<never>
  /** False: it has succeeded already. */
  cancel(by: string): boolean
  /** Build and deploy have ended, and the lock is free. */
  readonly ended: Promise<void>
  /** The app can be pushed again. */
  readonly pushEnded: Promise<void>
}

/** Held by the controller that builds the app, for as long as it does. */
const pushLock = (app: string): string => `push/${app}`

type NewBuild = {
  readonly source: 'git' | 'pull' | 'rebase'
  readonly image: string
  readonly sha: string
  readonly ref: string
  readonly dockerfile: string
  readonly port: number | null
  readonly reference: string | null
  readonly cnb?: CnbFacts
}

export async function insertBuild(
  core: Core,
  app: AppRow,
  owner: string,
  build: NewBuild,
  procfile: Record<string, string>,
  status: 'running' | 'succeeded',
  uuid: string = randomUUID(),
): Promise<Row.Build> {
  const now = new Date()
  return core.db.build.create({
    data: { uuid, appUuid: app.uuid, owner, ...build, procfile, status, createdAt: now, updatedAt: now },
  })
}

export async function buildRow(core: Core, app: AppRow, uuid: string): Promise<Row.Build> {
  const row = await core.db.build.findFirst({ where: { uuid, appUuid: app.uuid } })
  if (!row) throw notFound('Build')
  return row
}

type Outcome =
  | { readonly status: 'failed' | 'canceled' | 'abandoned' }
  | (Pick<Row.Build, 'image' | 'reference' | 'dockerfile' | 'port'> & {
      readonly status: 'succeeded'
      readonly procfile: Record<string, string>
      readonly cnb?: CnbFacts
    })

/** False: it does not run any more. */
async function settle(core: Core, uuid: string, outcome: Outcome): Promise<boolean> {
  const { count } = await core.db.build.updateMany({
    where: { uuid, status: 'running' },
    data: { ...outcome, updatedAt: new Date() },
  })
  return count > 0
}

/** For a build whose controller is gone. False: it has one. */
async function settleForGone(
  core: Core,
  app: string,
  uuid: string,
  status: 'canceled' | 'abandoned',
): Promise<boolean> {
  const held = await core.peers.tryLock(pushLock(app))
  if (!held) return false
  try {
    await settle(core, uuid, { status })
  } finally {
    await held.release()
  }
  return true
}

function outcomeOf({
  artifact,
  dockerfile,
  port,
  processes,
  cnb,
}: BuildResult): Extract<Outcome, { status: 'succeeded' }> {
  return {
    status: 'succeeded',
    image: artifact.kind === 'slug' ? artifact.digest : artifact.reference,
    reference: artifact.kind === 'slug' ? null : artifact.reference,
    dockerfile: dockerfile ? 'true' : '',
    port,
    procfile: { ...processes },
    ...(cnb ? { cnb } : {}),
  }
}

function running(
  core: Core,
  uuid: string,
  log: BuildLog,
  lost: AbortSignal,
  ends: Pick<RunningBuild, 'ended' | 'pushEnded'>,
): RunningBuild {
  const cancelled = new AbortController()
  let isBuilt = false
  const began = performance.now()
  const seconds = (): number => (performance.now() - began) / 1000
  return {
    uuid,
    log,
    ...ends,
    signal: AbortSignal.any([cancelled.signal, lost]),
    async succeed(result) {
      cancelled.signal.throwIfAborted()
      isBuilt = true
      if (!(await settle(core, uuid, outcomeOf(result))))
        throw new Error('Another controller ended this build; nothing was changed. Push again.')
      core.measures.build('succeeded', seconds())
      return core.db.build.findUniqueOrThrow({ where: { uuid } })
    },
    async fail(error, isCanceled) {
      const status = isCanceled ? 'canceled' : 'failed'
      if (await settle(core, uuid, { status })) core.measures.build(status, seconds())
      // Whatever error the builder gave, the user who pushes is shown who cancelled.
      cancelled.signal.throwIfAborted()
      throw error
    },
    cancel(by) {
      if (!isBuilt) cancelled.abort(new DeisError('conflict', `${by} cancelled this build; nothing was changed.`))
      return !isBuilt
    },
  }
}

/** Stores a build that runs, and keeps the app's lock while `work` moves it. @throws when another push of the app is built */
export async function withBuild(
  core: Core,
  app: AppRow,
  push: Pick<Push, 'username' | 'sha' | 'ref' | 'ended'>,
  work: (build: RunningBuild) => Promise<void>,
): Promise<void> {
  // The git server allows one push at a time to this controller.
  const held = await core.peers.tryLock(pushLock(app.id))
  if (!held) throw new Error('Another git push is ongoing')
  const uuid = randomUUID()
  let resolve = (): void => {}
  const ended = new Promise<void>((done) => {
    resolve = done
  })
  try {
    const log = await openBuildLog(core, app.id, uuid)
    try {
      const build = running(core, uuid, log, held.signal, { ended, pushEnded: push.ended })
      // Before its row is stored, so that a build whose row says running is always found here.
      core.here.builds.set(uuid, build)
      const { username, sha, ref } = push
      const facts = { source: 'git', image: '', sha, ref, dockerfile: '', port: null, reference: null } as const
      await insertBuild(core, app, username, facts, {}, 'running', uuid)
      await work(build)
    } finally {
      await log.close()
    }
  } finally {
    await held.release().finally(() => {
      core.here.builds.delete(uuid)
      resolve()
    })
  }
}

/** Builds of controllers that were killed. Those of other controllers go on. */
export async function abandonBuilds(core: Core): Promise<void> {
  await core.builder.recover()
  for (let after = ''; ;) {
    const found = await core.db.build.findMany({
      where: { status: 'running', uuid: { gt: after } },
      select: { uuid: true, app: { select: { id: true } } },
      orderBy: { uuid: 'asc' },
      take: atOnce,
    })
    for (const { uuid, app } of found) await settleForGone(core, app.id, uuid, 'abandoned')
    if (found.length < atOnce) return
    after = found.at(-1)?.uuid ?? after
  }
}

/** A cancelled build gets TERM, then KILL; a Job may take a while to end. */
const deadlineMs = 60_000
const pollMs = 500
const pushMs = 5_000

const ends: Readonly<Record<string, string>> = {
  succeeded: 'it succeeded. To leave its release, use deis rollback',
  failed: 'it failed. See deis builds:logs',
  canceled: 'it was already cancelled',
  abandoned: 'it ended with the controller that ran it',
}

function over({ uuid, status }: Row.Build): DeisError {
  return new DeisError('conflict', `Build "${uuid}" is no longer running: ${ends[status] ?? status}.`)
}

/** What another controller asks for. */
export function cancelForPeer(core: Core, uuid: string, by: string): void {
  core.here.builds.get(uuid)?.cancel(by)
}

/** A build that runs here, or at another controller, or whose controller has gone. */
async function untilCancelled(
  core: Core,
  app: AppRow,
  uuid: string,
  by: string,
  signal: AbortSignal,
): Promise<Row.Build> {
  let isCancelled = false
  for (;;) {
    const here = core.here.builds.get(uuid)
    if (here) {
      if (!here.cancel(by))
        throw new DeisError(
          'conflict',
          `Build "${uuid}" has succeeded and its release is being deployed. When that has ended, undo it with deis rollback.`,
        )
      isCancelled = true
      await unlessAborted(here.ended, signal)
      // A client that does not read the end of its push does not delay this answer.
      if (!signal.aborted) await unlessAborted(here.pushEnded, AbortSignal.timeout(pushMs))
    }
    const row = await buildRow(core, app, uuid)
    if (row.status !== 'running') {
      if (isCancelled && row.status === 'canceled') return row
      throw over(row)
    }
    signal.throwIfAborted()
    if (!(await settleForGone(core, app.id, uuid, 'canceled'))) {
      core.peers.notify({ kind: 'cancel', build: uuid, by })
      await sleep(pollMs, undefined, { signal }).catch(() => {})
    }
    isCancelled = true
  }
}

/** Answers when the build has ended and the app can be pushed again. @throws 404, 409, 503 */
export async function cancelBuild(core: Core, caller: Caller, app: AppRow, uuid: string): Promise<Build> {
  const before = await buildRow(core, app, uuid)
  if (before.status !== 'running' && !core.here.builds.has(uuid)) throw over(before)
  const late = AbortSignal.timeout(deadlineMs)
  const until = AbortSignal.any([late, core.shutdown])
  try {
    const row = await untilCancelled(core, app, uuid, caller.username, until)
    core.logs.write(app.id, 'INFO', `${caller.username} cancelled build ${app.id}-${uuid.slice(0, 7)}`)
    return toBuild(app.id, row)
  } catch (error) {
    if (!late.aborted || error instanceof DeisError) throw error
    throw new DeisError(
      'unavailable',
      `Build "${uuid}" was cancelled, but did not end within ${deadlineMs / 1000} s. Check with deis builds:list --all.`,
      { cause: error },
    )
  }
}
