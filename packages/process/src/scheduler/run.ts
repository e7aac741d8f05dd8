// How does one command run to its end in a copy of its own?
import { rejectsWhenAborted } from '@deis/lib/wait'
import { exitCode } from '@deis/ports/exit'
import { limited } from '@deis/ports/limited'
import type { OneOff } from '@deis/ports/scheduler'
import type { Backend } from './backend.ts'
import { systemFailure } from './diagnose.ts'
import { clearGroup } from './launch.ts'
import { startLife } from './life.ts'
import { inOneOff } from './one-off.ts'

export async function runOneOff(
  backend: Backend,
  oneOff: OneOff,
  output: (chunk: string) => void,
  signal: AbortSignal,
): Promise<number> {
  const { bytes, end } = limited(output)
  try {
    // The pod's end reads the output to its end, too.
    return await inOneOff(backend, oneOff, signal, async (pod, stop) => {
      const life = await startLife(backend, pod, stop, bytes).catch((error: unknown) => {
        stop.throwIfAborted()
        throw systemFailure('the command', error)
      })
      pod.state = 'up'
      backend.changed(pod.app.id)
      const exit = await Promise.race([life.exited, rejectsWhenAborted(stop)])
      await clearGroup(life)
      return exitCode(exit)
    })
  } finally {
    end()
  }
}
