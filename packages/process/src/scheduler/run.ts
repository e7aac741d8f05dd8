// How does a one-off command run to its end in its own copy of the app?
import { orAborted } from '@deis/lib/wait'
import { exitCode } from '@deis/ports/exit'
import { limited } from '@deis/ports/limited'
import type { OneOff } from '@deis/ports/scheduler'
import type { Backend } from './backend.ts'
import { systemFailure } from './diagnose.ts'
import { clearGroup } from './launch.ts'
import { startProcess } from './process.ts'
import { inOneOff } from './one-off.ts'

export async function runOneOff(
  backend: Backend,
  oneOff: OneOff,
  output: (chunk: string) => void,
  signal: AbortSignal,
): Promise<number> {
  const { bytes, end } = limited(output)
  try {
    // Stopping the pod also reads the rest of the output.
    return await inOneOff(backend, oneOff, signal, async (pod, stop) => {
      const process = await startProcess(backend, pod, stop, bytes).catch((error: unknown) => {
        stop.throwIfAborted()
        throw systemFailure('the command', error)
      })
      pod.state = 'up'
      backend.changed(pod.app.id)
      const exit = await orAborted(process.exited, stop)
      await clearGroup(process)
      return exitCode(exit)
    })
  } finally {
    end()
  }
}
