// How is a command in a container ended or interrupted, when Kubernetes has no call for that?
import { setTimeout as sleep } from 'node:timers/promises'
import type { Kube } from '../../client/client.ts'
import { hasStatus } from '../../client/error.ts'
import { pathOf } from '../../client/objects.ts'
import type { Started } from '@deis/ports/started'
import { signalScript } from './script.ts'
import type { Seat } from './attach.ts'

/** A session's command in a container. */
export type Place = {
  readonly kube: Kube
  readonly namespace: string
  readonly pod: string
  readonly container: string
  /** What its processes carry in their environment. */
  readonly session: string
}

export type Whom = 'front' | 'all'

const callMs = 20_000
/** What a command is given to end by itself: first it is told that nobody is there any more, as by a terminal that closes. */
const steps = [
  { signal: 'HUP', patienceMs: 1_000 },
  { signal: 'TERM', patienceMs: 3_000 },
  { signal: 'KILL', patienceMs: 500 },
  { signal: 'KILL', patienceMs: 500 },
  { signal: 'KILL', patienceMs: 0 },
] as const

/** @returns how many processes there were. */
export async function signalSession(
  { kube, namespace, pod, container, session }: Place,
  name: string,
  whom: Whom,
): Promise<number> {
  let said = ''
  const command = ['sh', '-c', signalScript, 'deis', session, name, whom]
  const late = AbortSignal.timeout(callMs)
  const socket = await kube.connect(
    pathOf('v1/Pod', namespace, pod, 'exec'),
    { container, command, stdout: true },
    async (_, chunk) => void (said += chunk.toString()),
    late,
  )
  const outcome = await socket.closed
  if (!/^\d+\n$/.test(said))
    throw new Error(`processes in ${pod} could not be sent ${name}: ${outcome?.message || said || 'no answer came'}`)
  return Number(said)
}

/** What whoever opened the session can do with it. */
export function startedAt(place: Place, seat: Seat, isOver: () => boolean): Started {
  return {
    pod: place.pod,
    resize: (size) => seat.resize(size),
    async kill(signal) {
      if (!isOver()) await signalSession(place, signal, 'front')
    },
  }
}

/** Resolves when nothing of the session runs any more. @throws when something may. */
export async function endSession(place: Place, ended: Promise<unknown>): Promise<void> {
  for (const { signal, patienceMs } of steps) {
    let count: number
    try {
      count = await signalSession(place, signal, 'all')
    } catch (error) {
      // With its pod everything in it has ended.
      if (hasStatus(error, 404)) return
      throw error
    }
    if (count === 0) return
    const over = new AbortController()
    await Promise.race([ended, sleep(patienceMs, undefined, { signal: over.signal }).catch(() => {})])
    over.abort()
  }
  throw new Error(`something of a session in ${place.pod} does not end, though it was killed`)
}
