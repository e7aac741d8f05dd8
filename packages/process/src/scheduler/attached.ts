// What is a command with somebody at its input and output, and how does it come to its end?
import { setTimeout as sleep } from 'node:timers/promises'
import type { SessionSignal, TerminalSize } from '@deis/types'
import { killAll, signalPid } from '@deis/machine/pid'
import { rejectsWhenAborted } from '@deis/lib/wait'
import { type Exit, exitCode } from '@deis/ports/exit'
import type { Life } from './launch.ts'

export type Attached = {
  /** The leader of the group, and of the session at a terminal. */
  readonly life: Life
  /** How the command has ended, while what it has started may go on. Rejects when that cannot be known. */
  readonly ended: Promise<Exit>
  /** Which of its processes are still there. */
  processes(): Promise<readonly number[]>
  /** All of them have ended: resolves when all that they said is handed over. */
  drain(): Promise<void>
  resize(size: TerminalSize): void
  kill(name: SessionSignal): Promise<void>
  /** Gives up what the controller itself holds of it; after that nothing is handed over any more. */
  release(): void
}

/** Asks all processes to end, the way a terminal does that goes away, and ends those that have not after `graceMs`. */
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

/** To the command's end, or to the signal's; then nothing of it runs any more. */
export async function conduct(attached: Attached, graceMs: number, signal: AbortSignal): Promise<number> {
  const aborted = rejectsWhenAborted(signal)
  aborted.catch(() => {})
  let over = false
  try {
    const exit = await Promise.race([attached.ended, aborted])
    // As the end of a container would: its output ends when nobody holds it any more.
    await killAll(attached.processes)
    // Handing over may take long: by then the number of the group may be somebody else's.
    over = true
    await Promise.race([attached.drain(), aborted])
    return exitCode(exit)
  } finally {
    if (!over) await end(attached, graceMs)
    attached.release()
  }
}
