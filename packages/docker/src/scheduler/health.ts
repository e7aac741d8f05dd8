// How is the health of a pod's container watched?
import { type Endpoint, type Target, watchHealth } from '@deis/ports/health'
import type { Probe } from '@deis/ports/scheduler'
import { type Backend } from './backend.ts'
import { runCommand } from './command.ts'
import type { Pod, Running, Spec } from './pod.ts'
import { inspect, stopContainer } from './running.ts'
import { inBackground } from './backend.ts'

/** Where one of its ports is reached from here. */
export function endpointsOf(backend: Backend, { address, published }: Running, port: number): Endpoint[] {
  if (!backend.published) return address === '' ? [] : [{ host: address, port }]
  const own = published.get(port)
  return own === undefined ? [] : [{ host: '127.0.0.1', port: own, proxied: true }]
}

export function targetOf(backend: Backend, container: Running, spec: Spec | null, port: number): Target {
  return {
    port,
    declaredPort: spec?.env['PORT'] ?? String(port),
    endpoints: (one) => endpointsOf(backend, container, one),
    async exec(command, signal) {
      const { code, text } = await runCommand(backend.options.engine, container.id, command, signal)
      return code === 0 ? null : `${command[0]} exited with code ${code}${text === '' ? '' : `: ${text}`}`
    },
  }
}

/** Starts or restarts watching the health of the pod's current container. */
export function watchPod(
  backend: Backend,
  pod: Pod,
  adopted: { readonly port: number | null; readonly readiness: Probe | undefined } | null = null,
): void {
  const { log } = backend.options
  const { spec, container } = pod
  pod.watch.abort()
  if (!container) return
  const watch = new AbortController()
  pod.watch = watch
  void container.exited.then(
    () => watch.abort(),
    () => watch.abort(),
  )
  const port = spec?.port ?? adopted?.port ?? null
  const routable = pod.routable && port !== null
  const health = {
    target: targetOf(backend, container, spec, port ?? 0),
    routable,
    readiness: spec ? spec.readiness : adopted?.readiness,
    liveness: spec?.liveness,
    // An engine under load tells an end late; one that does not answer tells nothing new.
    runs: () =>
      inspect(backend.options.engine, container.id, watch.signal).then(
        (found) => found?.State.Running === true,
        () => true,
      ),
    ready: (address: string | null) => {
      const news = !pod.ready || pod.address !== address
      Object.assign(pod, { ready: true, address, reason: null, problem: null, state: 'up' })
      for (const notify of pod.whenReady) notify()
      if (news) backend.changed(pod.app.id)
    },
    unready: (reason: string) => {
      pod.reason = reason
      if (!pod.ready) return
      Object.assign(pod, { ready: false, state: 'starting' })
      backend.changed(pod.app.id)
    },
    broken: (reason: string) => {
      // This container gets no more requests and no more probes.
      watch.abort()
      Object.assign(pod, { ready: false, broken: reason, state: 'error' })
      backend.changed(pod.app.id)
      inBackground(backend, pod.app, 'a container could not be stopped', () =>
        stopContainer(backend, container, pod.graceSeconds * 1000, pod.app.leave.signal),
      )
    },
  }
  const before = pod.ready ? pod.address : null
  watchHealth(health, before, container.started, watch.signal).catch((error: unknown) => {
    if (!watch.signal.aborted)
      log('error', 'the health of a container could not be watched', { pod: pod.name, err: error })
  })
}
