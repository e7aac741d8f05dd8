// How is a build cancelled?
import { setTimeout as sleep } from 'node:timers/promises'
import { type Build, DeisError } from '@deis/types'
import { untilAborted } from '@deis/lib/wait'
import type * as Row from '../../store/generated/sqlite/client.ts'
import { buildRow } from './builds.ts'
import type { Caller, Core } from '../core.ts'
import { pushLock } from './push.ts'
import { type AppRow, toBuild } from '../apps/rows.ts'
import { type RunningBuild, runningBuild } from './running.ts'

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

/** @returns the build, when it is here. @throws 409 */
function cancelHere(core: Core, uuid: string, by: string): RunningBuild | null {
  const build = runningBuild(core, uuid)
  if (!build) return null
  if (build.isBuilt())
    throw new DeisError(
      'conflict',
      `Build "${uuid}" has succeeded and its release is being deployed. When that has ended, undo it with deis rollback.`,
    )
  build.cancel(by)
  return build
}

/** What another controller asks for. */
export function cancelForPeer(core: Core, uuid: string, by: string): void {
  const build = runningBuild(core, uuid)
  if (build && !build.isBuilt()) build.cancel(by)
}

/** A build that runs here, or at another controller, or whose controller has gone. */
async function end(core: Core, app: AppRow, uuid: string, by: string, signal: AbortSignal): Promise<Row.Build> {
  let isCancelled = false
  for (;;) {
    const here = cancelHere(core, uuid, by)
    if (here) {
      isCancelled = true
      await Promise.race([here.ended, untilAborted(signal)])
      // A client that does not read the end of its push does not delay this answer.
      if (!signal.aborted) await Promise.race([here.pushEnded, untilAborted(AbortSignal.timeout(pushMs))])
    }
    const row = await buildRow(core, app, uuid)
    if (row.status !== 'running') {
      if (isCancelled && row.status === 'canceled') return row
      throw over(row)
    }
    signal.throwIfAborted()
    // The controller that builds holds this lock.
    const held = await core.peers.tryLock(pushLock(app.id))
    if (held) {
      try {
        await core.db.build.updateMany({
          where: { uuid, status: 'running' },
          data: { status: 'canceled', updatedAt: new Date() },
        })
      } finally {
        await held.release()
      }
    } else {
      core.peers.notify({ kind: 'cancel', build: uuid, by })
      await sleep(pollMs, undefined, { signal }).catch(() => {})
    }
    isCancelled = true
  }
}

/** Answers when the build has ended and the app can be pushed again. @throws 404, 409, 503 */
export async function cancelBuild(core: Core, caller: Caller, app: AppRow, uuid: string): Promise<Build> {
  const before = await buildRow(core, app, uuid)
  if (before.status !== 'running' && !runningBuild(core, uuid)) throw over(before)
  const late = AbortSignal.timeout(deadlineMs)
  const until = AbortSignal.any([late, core.shutdown])
  try {
    const row = await end(core, app, uuid, caller.username, until)
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
