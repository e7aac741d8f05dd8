// Which one-off processes run in this controller, and how are they stopped?
import { setTimeout as sleep } from 'node:timers/promises'
import { DeisError } from '@deis/types'
import { untilAborted } from '@deis/lib/wait'
import { oneOffName } from '@deis/ports/names'
import type { Core } from '../core.ts'
import type { AppRow } from '../apps/rows.ts'

export type RunningOneOff = {
  /** The name of its pod. */
  readonly name: string
  /** Aborted with a DeisError when a user stops it. */
  readonly stopped: AbortSignal
  end(): void
}

export type OneOffEntry = {
  readonly app: string
  /** The request id, by which a client can stop it before it knows its name. */
  readonly request: string | undefined
  readonly stop: (by: string) => void
  readonly ended: Promise<void>
}

/** TERM, then KILL; a pod may take its time to go. */
const deadlineMs = 60_000
const askEveryMs = 500

export function beginOneOff(core: Core, app: AppRow, request?: string): RunningOneOff {
  const all = core.here.oneOffs
  const name = oneOffName(app.id)
  const stop = new AbortController()
  let resolve = (): void => {}
  const ended = new Promise<void>((done) => {
    resolve = done
  })
  all.set(name, {
    app: app.id,
    request,
    stop: (by) => stop.abort(new DeisError('conflict', `${by} stopped ${name}.`)),
    ended,
  })
  return {
    name,
    stopped: stop.signal,
    end() {
      all.delete(name)
      resolve()
    },
  }
}

function find(core: Core, app: string, which: string): OneOffEntry | undefined {
  const all = core.here.oneOffs
  const named = all.get(which) ?? all.get(`${app}-${which}`)
  const found = named ?? [...all.values()].find(({ request }) => request === which)
  return found?.app === app ? found : undefined
}

/** What another controller asks for. */
export function stopForPeer(core: Core, app: string, which: string, by: string): void {
  find(core, app, which)?.stop(by)
}

/** Resolves when it has ended. @throws 404; 409 for what is no one-off process; 503 */
export async function stopOneOff(core: Core, username: string, app: AppRow, which: string): Promise<void> {
  const late = AbortSignal.timeout(deadlineMs)
  const signal = AbortSignal.any([late, core.shutdown])
  for (let isTold = false; ; isTold = true) {
    const here = find(core, app.id, which)
    if (here) {
      here.stop(username)
      await Promise.race([here.ended, untilAborted(signal)])
      if (!signal.aborted) return
    }
    const pods = await core.scheduler.observe(app.id)
    const pod = pods.find(({ name }) => name === which || name === `${app.id}-${which}`)
    if (pod && pod.type !== 'run')
      throw new DeisError(
        'conflict',
        `${pod.name} is a process of the type ${pod.type}, which would be started again: deis scale ${pod.type}=0 ends all of them, deis ps:restart ${pod.name} replaces it.`,
      )
    // A request that runs elsewhere has no pod of its name.
    const mayBeElsewhere = core.peers.shared && !isTold
    if (!pod && isTold) return
    if (!pod && !mayBeElsewhere) throw new DeisError('not_found', `${app.id} has no process ${which}.`)
    if (signal.aborted)
      throw new DeisError('unavailable', `${which} was told to end, and has not: look with \`deis ps\`.`)
    core.peers.notify({ kind: 'stop', app: app.id, process: which, by: username })
    await sleep(askEveryMs, undefined, { signal }).catch(() => {})
  }
}
