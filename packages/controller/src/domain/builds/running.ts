// Which builds run in this controller, how far are they, and how are they cancelled?
import { DeisError } from '@deis/types'
import { createNotifier } from '@deis/lib/wait'
import type { Core } from '../core.ts'

export type RunningBuild = {
  /** Aborted when a user cancels the build. */
  readonly cancelled: AbortSignal
  /** From here on it cannot be cancelled. @throws when it was */
  built(): void
  isBuilt(): boolean
  cancel(by: string): void
  /** Its log has more. */
  wrote(): void
  /** The log is complete. */
  closeLog(): void
  isLogClosed(): boolean
  /** How often something changed in the log. */
  changes(): number
  /** Waits for another number. False: it is still the same after `ms`, or when aborted. */
  changed(since: number, ms: number, signal: AbortSignal): Promise<boolean>
  /** The build and its deploy have ended. */
  end(): void
  readonly ended: Promise<void>
  /** The app can be pushed again. */
  readonly pushEnded: Promise<void>
}

export function runningBuild(core: Core, uuid: string): RunningBuild | undefined {
  return core.here.builds.get(uuid)
}

/** Call it before the build's row is stored, so that a build whose row says running is always found here. */
export function beginBuild(core: Core, uuid: string, pushEnded: Promise<void>): RunningBuild {
  const all = core.here.builds
  const cancel = new AbortController()
  const notifier = createNotifier()
  let isBuilt = false
  let isLogClosed = false
  let changes = 0
  let resolve = (): void => {}
  const ended = new Promise<void>((done) => {
    resolve = done
  })
  const wake = (): void => {
    changes++
    notifier.notify()
  }
  const build: RunningBuild = {
    cancelled: cancel.signal,
    built() {
      cancel.signal.throwIfAborted()
      isBuilt = true
    },
    isBuilt: () => isBuilt,
    cancel: (by) => cancel.abort(new DeisError('conflict', `${by} cancelled this build; nothing was changed.`)),
    wrote: wake,
    closeLog() {
      isLogClosed = true
      wake()
    },
    isLogClosed: () => isLogClosed,
    changes: () => changes,
    async changed(since, ms, signal) {
      if (since === changes) await notifier.wait(ms, signal)
      return since !== changes
    },
    end() {
      all.delete(uuid)
      resolve()
    },
    ended,
    pushEnded,
  }
  all.set(uuid, build)
  return build
}
