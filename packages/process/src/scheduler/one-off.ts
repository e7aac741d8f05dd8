// How is a pod for a single command created and removed?
import { oneOffName } from '@deis/ports/names'
import type { OneOff } from '@deis/ports/scheduler'
import { type Backend, openApp } from './backend.ts'
import { newPod, type Pod, save } from './pod.ts'
import { stopPod } from './supervise.ts'

/** Between TERM and KILL. */
export const graceSeconds = 5

/** The signal of `work` is aborted by the caller, the time limit, or the end of the app. The pod is removed in any case. */
export async function inOneOff<T>(
  backend: Backend,
  oneOff: OneOff,
  signal: AbortSignal,
  work: (pod: Pod, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const app = openApp(backend, oneOff.app)
  // The program that unpacks starts while a port is taken and the state is saved.
  backend.options.archiver.expect(0, 1)
  const runAs = await backend.options.accounts.of(app.id)
  const pod = newPod({
    name: oneOff.name ?? oneOffName(app.id),
    app,
    type: 'run',
    release: oneOff.release,
    port: await backend.ports.take(runAs?.uid ?? null),
    spec: {
      artifact: oneOff.artifact,
      command: oneOff.command,
      env: oneOff.env,
      memory: oneOff.memory,
      cpu: oneOff.cpu,
    },
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
    await save(backend, app)
    return await work(pod, AbortSignal.any([signal, late.signal, app.leave.signal]))
  } finally {
    clearTimeout(timer)
    await stopPod(backend, pod, graceSeconds * 1000)
  }
}
