// How does one command run to its end in a copy of its own?
import { StringDecoder } from 'node:string_decoder'
import { oneOffName } from '../names.ts'
import type { OneOff } from '../port.ts'
import { type Backend, openApp } from './backend.ts'
import { exitCode } from '../exit.ts'
import { systemFailure } from './diagnose.ts'
import { clearGroup } from './launch.ts'
import { startLife } from './life.ts'
import { newPod, save } from './pod.ts'
import { stopPod } from './supervise.ts'

const maxOutputBytes = 10 * 1024 * 1024
const graceSeconds = 5

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

function rejectsWhenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = (): void => reject(signal.reason as Error)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
  })
}

export async function runOneOff(
  backend: Backend,
  oneOff: OneOff,
  output: (chunk: string) => void,
  signal: AbortSignal,
): Promise<number> {
  const app = openApp(backend, oneOff.app)
  const pod = newPod({
    name: oneOffName(app.id),
    app,
    type: 'run',
    release: oneOff.release,
    port: await backend.ports.take(),
    spec: { artifact: oneOff.artifact, command: oneOff.command, env: oneOff.env },
    graceSeconds,
    routable: false,
    stage: 'one-off',
  })
  app.pods.set(pod.name, pod)
  const late = new AbortController()
  const timer = setTimeout(() => {
    const error = new Error(`the command ran longer than ${oneOff.timeoutSeconds} s`)
    late.abort(Object.assign(error, { name: 'TimeoutError' }))
  }, oneOff.timeoutSeconds * 1000)
  const stop = AbortSignal.any([signal, late.signal, app.leave.signal])
  const { bytes, end } = limited(output)
  try {
    await save(backend, app)
    const life = await startLife(backend, pod, stop, bytes).catch((error: unknown) => {
      stop.throwIfAborted()
      throw systemFailure('the command', error)
    })
    pod.state = 'up'
    backend.changed(app.id)
    const exit = await Promise.race([life.exited, rejectsWhenAborted(stop)])
    await clearGroup(life)
    return exitCode(exit)
  } finally {
    clearTimeout(timer)
    // Reads the output to its end, too.
    await stopPod(backend, pod, graceSeconds * 1000)
    end()
  }
}
