// How does one command run to its end in a copy of its own?
import { StringDecoder } from 'node:string_decoder'
import { exitCode } from '../exit.ts'
import type { OneOff } from '../port.ts'
import { rejectsWhenAborted } from './attached.ts'
import type { Backend } from './backend.ts'
import { systemFailure } from './diagnose.ts'
import { clearGroup } from './launch.ts'
import { startLife } from './life.ts'
import { inOneOff } from './one-off.ts'

const maxOutputBytes = 10 * 1024 * 1024

/** Text as it comes, characters whole, and no more than people can want. */
function limited(output: (chunk: string) => void) {
  const decoder = new StringDecoder('utf8')
  let left = maxOutputBytes
  const write = (text: string): void => {
    if (text !== '') output(text)
  }
  return {
    bytes: (chunk: Buffer): boolean => {
      write(decoder.write(chunk.subarray(0, left)))
      left -= chunk.length
      if (left < 0) write(`\nOutput is longer than ${maxOutputBytes} bytes: the rest is left out.\n`)
      return left >= 0
    },
    end: (): void => write(left < 0 ? '' : decoder.end()),
  }
}

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
