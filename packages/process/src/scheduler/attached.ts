// What is a session's command, and how does it end?
import { setTimeout as sleep } from 'node:timers/promises'
import type { SessionSignal, TerminalSize } from '@deis/types'
import { killAll, signalPid } from '@deis/machine/pid'
import { orAborted } from '@deis/lib/wait'
import { type Exit, exitCode } from '@deis/ports/exit'
import type { PodProcess } from './launch.ts'

export type Attached = {
  /** The leader of the group, and of the session at a terminal. */
  readonly process: PodProcess
  /** How the command ended; processes that it started may go on. Rejects when that cannot be known. */
  readonly ended: Promise<Exit>
  /** Which of its processes are still running. */
  processes(): Promise<readonly number[]>
  /** Called when all of them have ended: resolves when all of their output is delivered. */
  drain(): Promise<void>
  resize(size: TerminalSize): void
  kill(name: SessionSignal): Promise<void>
  /** Releases what the controller holds of it; no output is delivered after that. */
  release(): void
}

/** Signals all processes as a terminal that hangs up does, and kills those that have not ended after `graceMs`. */
async function end({ processes }: Attached, graceMs: number): Promise<void> {
  for (const pid of await processes())
    for (const name of ['SIGHUP', 'SIGTERM', 'SIGCONT'] as const) signalPid(pid, name)
  const deadline = Date.now() + graceMs
  for (let pause = 10; Date.now() < deadline; pause = Math.min(pause * 2, 200)) {
    if ((await processes()).length === 0) return
    await sleep(Math.min(pause, Math.max(1, deadline - Date.now())))
  }
  await killAll(processes)
}

/** Waits until the command ends or the signal is aborted; none of its processes run after that. */
export async function untilEnd(attached: Attached, graceMs: number, signal: AbortSignal): Promise<number> {
  let over = false
  try {
    const exit = await orAborted(attached.ended, signal)
    // As the end of a container does: the output ends when no process holds it any more.
    await killAll(attached.processes)
    // Delivery may take long: by then the group's number may belong to another process.
    over = true
    await orAborted(attached.drain(), signal)
    return exitCode(exit)
  } finally {
    if (!over) await end(attached, graceMs)
    attached.release()
  }
}
