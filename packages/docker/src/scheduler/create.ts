// How do apps run on a Docker Engine (docs/architecture.md)?
import { mkdir } from 'node:fs/promises'
import type { Scheduler } from '@deis/ports/scheduler'
import { beginSession } from '@deis/ports/started'
import { direct } from '@deis/ports/direct'
import { createSerialQueue } from '@deis/lib/serial-queue'
import { type Backend, type DockerApp, type DockerOptions, openApp } from './backend.ts'
import { capabilitiesOf } from './checks.ts'
import { appLabel } from '../labels.ts'
import { observed } from './pod.ts'
import { listOurs, recover } from './recover.ts'
import { resumeFormation } from './resume.ts'
import { applyFormation, restartPods } from './rollout.ts'
import { runOneOff } from './run.ts'
import { removeContainer } from '../engine/remove.ts'
import { execSession, openSession } from './session.ts'
import { forgetServing } from './state.ts'
import { stopPod } from './supervise.ts'

const shortGraceSeconds = 10

export type { DockerOptions } from './backend.ts'

/** Ends the background work of an app; its containers stay as they are. */
async function leave(app: DockerApp): Promise<void> {
  app.leave.abort(new Error('the platform is stopping'))
  for (const pod of app.pods.values()) {
    pod.end.abort()
    pod.watch.abort()
  }
  await Promise.all([...app.pods.values()].map((pod) => pod.supervision))
  while (app.background.size > 0) await Promise.all(app.background)
}

async function removeApp(backend: Backend, id: string, signal: AbortSignal): Promise<void> {
  const { engine } = backend.options
  const app = openApp(backend, id)
  await leave(app)
  await Promise.all(
    [...app.pods.values()].map((pod) =>
      stopPod(backend, pod, Math.min(pod.graceSeconds, shortGraceSeconds) * 1000, signal),
    ),
  )
  // What was not known, such as the container of a command whose controller was killed.
  for (const { Id, Labels } of await listOurs(backend, signal))
    if (Labels?.[appLabel] === id) await removeContainer(engine, Id, signal)
  await backend.options.networks.remove(id, signal)
  await forgetServing(backend.options.stateFolder, id)
  await app.lines.remove()
  backend.apps.delete(id)
  backend.changed(id)
}

/** Adopts what an earlier scheduler left running. */
export async function createDockerScheduler(options: DockerOptions): Promise<Scheduler> {
  const { engine, reach, folder } = options
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const listeners = new Set<(app: string) => void>()
  const backend: Backend = {
    options,
    published: reach === 'published' || (reach === 'auto' && !engine.isHere),
    apps: new Map(),
    changed(app) {
      for (const listener of listeners) listener(app)
    },
  }
  const queue = createSerialQueue()
  await recover(backend, AbortSignal.timeout(120_000))
  const podsOf = (app: string) => [...(backend.apps.get(app)?.pods.values() ?? [])]
  return {
    name: 'docker',
    ...direct((app) => podsOf(app).map(observed)),
    async prepare(app, signal) {
      await backend.options.networks.ensure(app, signal)
    },
    capabilities: async () => capabilitiesOf(backend),
    apply: (formation, signal, progress) =>
      queue.queued(formation.app, signal, (whole) => applyFormation(backend, formation, whole, progress)),
    resume: (formation, signal) =>
      queue.queued(formation.app, signal, (whole) => resumeFormation(backend, formation, whole)),
    observe: async (app) => podsOf(app).map(observed),
    restart: (app, which, signal) =>
      queue.queued(app, signal, async (whole) => {
        const known = backend.apps.get(app)
        return known ? (await restartPods(backend, known, which, whole)).map(observed) : []
      }),
    run: (oneOff, io) =>
      queue.alongside(oneOff.app, io.signal, (whole) => runOneOff(backend, oneOff, (chunk) => io.output(chunk), whole)),
    open: (oneOff, io) =>
      beginSession(queue, oneOff.app, io.signal, (whole, started) => openSession(backend, oneOff, io, whole, started)),
    exec: (target, io) =>
      beginSession(queue, target.app, io.signal, (whole, started) => execSession(backend, target, io, whole, started)),
    logs: async (app, { lines }) => openApp(backend, app).lines.tail(lines),
    async follow(app, { lines }, onLine, signal) {
      signal.throwIfAborted()
      return openApp(backend, app).lines.follow(lines, onLine, signal)
    },
    async remove(app, signal) {
      signal.throwIfAborted()
      await queue.cancel(app, new Error(`${app} was removed`))
      await queue.queued(app, signal, (whole) => removeApp(backend, app, whole))
    },
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    // Containers are the engine's: they stay, and the next controller finds them.
    async close() {
      listeners.clear()
      await queue.cancel(null, new Error('the platform is stopping'))
      const apps = [...backend.apps.values()]
      await Promise.all(apps.map(leave))
      const pods = apps.flatMap((app) => [...app.pods.values()])
      await Promise.all(pods.map(async (pod) => pod.container?.output.stop()))
      engine.close()
    },
  }
}
