// How does a one-off command run to its end in a container of its own?
import { orAborted } from '@deis/lib/wait'
import { limited } from '@deis/ports/limited'
import { oneOffName } from '@deis/ports/names'
import type { OneOff } from '@deis/ports/scheduler'
import { type Backend, openApp } from './backend.ts'
import { endedText, startFailure } from './diagnose.ts'
import { newPod, type Pod } from './pod.ts'
import { ensureImage, startContainer } from './running.ts'
import { lastLines, stopPod } from './supervise.ts'

/** Between TERM and KILL. */
const graceSeconds = 5

/** The signal of `work` is aborted by the caller, the time limit, or the end of the app. The container is removed in any case. */
export async function inOneOff<T>(
  backend: Backend,
  oneOff: OneOff,
  signal: AbortSignal,
  work: (pod: Pod, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const app = openApp(backend, oneOff.app)
  const { artifact, command, env, memory, cpu, registry, pullPolicy } = oneOff
  const limits = { ...(memory === undefined ? {} : { memory }), ...(cpu === undefined ? {} : { cpu }) }
  const pod = newPod({
    name: oneOff.name ?? oneOffName(app.id),
    app,
    type: 'run',
    release: oneOff.release,
    spec: { artifact, command, env, ...limits, port: null, registry, pullPolicy },
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
  try {
    backend.changed(app.id)
    const stop = AbortSignal.any([signal, late.signal, app.leave.signal])
    if (pod.spec) await ensureImage(backend, pod.spec, stop)
    return await work(pod, stop)
  } catch (error) {
    if (signal.aborted || late.signal.aborted) throw error
    throw pod.container ? error : startFailure('the command', error)
  } finally {
    clearTimeout(timer)
    await stopPod(backend, pod, graceSeconds * 1000)
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
    return await inOneOff(backend, oneOff, signal, async (pod, stop) => {
      let taken = 0
      const take = (chunk: Buffer): boolean => {
        taken++
        return bytes(chunk)
      }
      pod.container = await startContainer(backend, pod, stop, 'run', take)
      pod.state = 'up'
      backend.changed(pod.app.id)
      const ended = await orAborted(pod.container.exited, stop)
      // The engine has kept more than is read by now: all of it is, as long as some comes.
      for (let before = -1; taken > before;) {
        before = taken
        await lastLines(pod)
        stop.throwIfAborted()
      }
      if (ended.code === null) throw new Error(`the container ${pod.name} ${endedText(ended)} while its command ran`)
      if (ended.outOfMemory) bytes(Buffer.from(`\nThe command needed more memory than its limit (OOMKilled).\n`))
      return ended.code
    })
  } finally {
    end()
  }
}
