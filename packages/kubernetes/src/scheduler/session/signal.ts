// How is a command in a container ended or interrupted, when Kubernetes has no call for that?
import { setTimeout as sleep } from 'node:timers/promises'
import type { Kube } from '../../client/client.ts'
import { hasStatus } from '../../client/error.ts'
import { pathOf } from '../../client/objects.ts'
import signalProgram from '../../programs/session-signal.sh'

/** The container that a session's command runs in. */
export type SessionTarget = {
  readonly kube: Kube
  readonly namespace: string
  readonly pod: string
  readonly container: string
  /** The session's id, which its processes have in their environment. */
  readonly session: string
}

/** The foreground process group of the terminal, or every process of the session. */
export type SignalScope = 'foreground' | 'all'

const callMs = 20_000
/** How long a command may take to end by itself after each signal. HUP comes first, as when a terminal closes. */
const steps = [
  { signal: 'HUP', patienceMs: 1_000 },
  { signal: 'TERM', patienceMs: 3_000 },
  { signal: 'KILL', patienceMs: 500 },
  { signal: 'KILL', patienceMs: 500 },
  { signal: 'KILL', patienceMs: 0 },
] as const

/** @returns how many processes there were. */
export async function signalSession(
  { kube, namespace, pod, container, session }: SessionTarget,
  name: string,
  scope: SignalScope,
): Promise<number> {
  let printed = ''
  const command = ['sh', '-c', signalProgram, 'deis', session, name, scope]
  const late = AbortSignal.timeout(callMs)
  const socket = await kube.connect(
    pathOf('v1/Pod', namespace, pod, 'exec'),
    { container, command, stdout: true },
    async (_, chunk) => void (printed += chunk.toString()),
    late,
  )
  const outcome = await socket.closed
  if (!/^\d+\n$/.test(printed))
    throw new Error(`could not send ${name} to processes in ${pod}: ${outcome?.message || printed || 'no answer'}`)
  return Number(printed)
}

/** Resolves when no process of the session is left. @throws when one may still run. */
export async function endSession(target: SessionTarget, ended: Promise<unknown>): Promise<void> {
  for (const { signal, patienceMs } of steps) {
    let count: number
    try {
      count = await signalSession(target, signal, 'all')
    } catch (error) {
      // The pod is gone, and every process in it.
      if (hasStatus(error, 404)) return
      throw error
    }
    if (count === 0) return
    const over = new AbortController()
    await Promise.race([ended, sleep(patienceMs, undefined, { signal: over.signal }).catch(() => {})])
    over.abort()
  }
  throw new Error(`processes of a session in ${target.pod} still run after SIGKILL`)
}
