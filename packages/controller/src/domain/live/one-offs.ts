// Which one-off processes run in this controller, and how are they stopped?
import { setTimeout as sleep } from 'node:timers/promises'
import { DeisError } from '@deis/types'
import { unlessAborted } from '@deis/lib/wait'
import { oneOffName } from '@deis/ports/names'
import type { Held } from '../../store/peers.ts'
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

/** TERM, then KILL; a pod may take a while to end. */
const deadlineMs = 60_000
const retryMs = 500

/** Held by the controller that runs it, one for each of its names: the backend of another controller may not list it. */
const lockOf = (app: string, name: string): string => `oneoff/${app}/${name}`

export async function beginOneOff(core: Core, app: AppRow, request?: string): Promise<RunningOneOff> {
  const all = core.here.oneOffs
  const name = oneOffName(app.id)
  const held: Held[] = []
  const release = async (): Promise<void> => {
    await Promise.all(held.map((one) => one.release()))
  }
  for (const one of [name, request ?? []].flat()) {
    const lock = await core.peers.tryLock(lockOf(app.id, one))
    if (lock) held.push(lock)
  }
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
      release().catch((error: unknown) =>
        core.log.warn({ err: error }, 'the lock of a one-off process could not be released'),
      )
    },
  }
}

/** The short name is what follows the app's. */
const namesOf = (app: string, which: string): string[] => [which, `${app}-${which}`]

function find(core: Core, app: string, which: string): OneOffEntry | undefined {
  const all = core.here.oneOffs
  const named = namesOf(app, which).flatMap((name) => all.get(name) ?? [])[0]
  const found = named ?? [...all.values()].find(({ request }) => request === which)
  return found?.app === app ? found : undefined
}

/** Whether another controller runs it. Call it when it is not here. */
async function isElsewhere(core: Core, app: string, which: string): Promise<boolean> {
  if (!core.peers.shared) return false
  for (const name of namesOf(app, which)) {
    const held = await core.peers.tryLock(lockOf(app, name))
    if (!held) return true
    await held.release()
  }
  return false
}

/** What another controller asks for. */
export function stopForPeer(core: Core, app: string, which: string, by: string): void {
  find(core, app, which)?.stop(by)
}

/** Resolves when it has ended. @throws 404; 409 for what is not a one-off process; 503 */
export async function stopOneOff(core: Core, username: string, app: AppRow, which: string): Promise<void> {
  const late = AbortSignal.timeout(deadlineMs)
  const signal = AbortSignal.any([late, core.shutdown])
  for (let wasAsked = false; ; wasAsked = true) {
    const here = find(core, app.id, which)
    if (here) {
      here.stop(username)
      await unlessAborted(here.ended, signal)
      if (!signal.aborted) return
    }
    const pods = await core.scheduler.observe(app.id)
    const pod = pods.find(({ name }) => namesOf(app.id, which).includes(name))
    if (pod && pod.type !== 'run')
      throw new DeisError(
        'conflict',
        `"${pod.name}" is a process of the type ${pod.type} and would be started again, so it was not stopped. Stop all of them with deis scale ${pod.type}=0, or replace it with deis ps:restart ${pod.name}.`,
      )
    if (!pod && !(await isElsewhere(core, app.id, which))) {
      if (wasAsked) return
      throw new DeisError('not_found', `"${app.id}" has no process "${which}".`)
    }
    core.shutdown.throwIfAborted()
    if (late.aborted)
      throw new DeisError(
        'unavailable',
        `"${which}" was asked to stop, but did not end within ${deadlineMs / 1000} s. Check with deis ps.`,
      )
    core.peers.notify({ kind: 'stop', app: app.id, process: which, by: username })
    await sleep(retryMs, undefined, { signal }).catch(() => {})
  }
}
