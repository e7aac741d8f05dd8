// Which one-off processes run in this controller, and how are they stopped?
import { setTimeout as sleep } from 'node:timers/promises'
import { DeisError } from '@deis/types'
import { untilAborted } from '@deis/lib/wait'
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

/** TERM, then KILL; a pod may take its time to go. */
const deadlineMs = 60_000
const askEveryMs = 500

/** Held by the controller where it goes on, under each of its names: another one's backend may see nothing of it. */
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
      release().catch((error: unknown) => core.log.warn({ err: error }, 'the name of a one-off process stays taken'))
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

/** Call it when it is not here. */
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
  for (let isTold = false; ; isTold = true) {
    const here = find(core, app.id, which)
    if (here) {
      here.stop(username)
      await Promise.race([here.ended, untilAborted(signal)])
      if (!signal.aborted) return
    }
    const pods = await core.scheduler.observe(app.id)
    const pod = pods.find(({ name }) => namesOf(app.id, which).includes(name))
    if (pod && pod.type !== 'run')
      throw new DeisError(
        'conflict',
        `${pod.name} is a process of the type ${pod.type}, which would be started again: deis scale ${pod.type}=0 ends all of them, deis ps:restart ${pod.name} replaces it.`,
      )
    if (!pod && !(await isElsewhere(core, app.id, which))) {
      if (isTold) return
      throw new DeisError('not_found', `${app.id} has no process ${which}.`)
    }
    if (signal.aborted)
      throw new DeisError('unavailable', `${which} was told to end, and has not: look with \`deis ps\`.`)
    core.peers.notify({ kind: 'stop', app: app.id, process: which, by: username })
    await sleep(askEveryMs, undefined, { signal }).catch(() => {})
  }
}
