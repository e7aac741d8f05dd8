// How is a command in a container ended or interrupted, when neither Kubernetes nor Docker has a call for that?
import { setTimeout as sleep } from 'node:timers/promises'
import signalProgram from '../programs/session-signal.sh'

/** The container that a session's command runs in. */
export type SessionTarget = {
  readonly pod: string
  /** Runs a program beside the command. */
  exec(command: readonly string[], signal: AbortSignal): Promise<{ readonly printed: string; readonly message: string }>
  /** Whether such an error says that the pod is gone, and every process in it. */
  isGone(error: unknown): boolean
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
  { pod, session, exec }: SessionTarget,
  name: string,
  scope: SignalScope,
): Promise<number> {
  const command = ['sh', '-c', signalProgram, 'deis', session, name, scope]
  const { printed, message } = await exec(command, AbortSignal.timeout(callMs))
  if (!/^\d+\n$/.test(printed))
    throw new Error(`could not send ${name} to processes in ${pod}: ${message || printed || 'no answer'}`)
  return Number(printed)
}

/** Resolves when no process of the session is left. @throws when one may still run. */
export async function endSession(target: SessionTarget, ended: Promise<unknown>): Promise<void> {
  for (const { signal, patienceMs } of steps) {
    let count: number
    try {
      count = await signalSession(target, signal, 'all')
    } catch (error) {
      if (target.isGone(error)) return
      throw error
    }
    if (count === 0) return
    const over = new AbortController()
    await Promise.race([ended, sleep(patienceMs, undefined, { signal: over.signal }).catch(() => {})])
    over.abort()
  }
  throw new Error(`processes of a session in ${target.pod} still run after SIGKILL`)
}
