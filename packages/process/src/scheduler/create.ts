// How do apps run on one machine with only Node (docs/architecture.md)?
import { discard } from '@deis/machine/discard'
import { killAll, processesOf } from '@deis/machine/pid'
import type { LogLine, Scheduler } from '@deis/ports/scheduler'
import { beginSession } from '@deis/ports/started'
import { direct } from '@deis/ports/direct'
import { createSerialQueue } from '@deis/lib/serial-queue'
import { parseLine } from '@deis/ports/lines'
import { type Backend, openApp, type ProcessApp, type ProcessOptions } from './backend.ts'
import { capabilitiesOf } from './checks.ts'
import { createLimit } from '@deis/lib/limit'
import { appFolder, observed } from './pod.ts'
import { createPortPool } from './ports.ts'
import { recover } from './recover.ts'
import { resumeFormation } from './resume.ts'
import { applyFormation, restartPods } from './rollout.ts'
import { unpackedAtOnce } from './process.ts'
import { runOneOff } from './run.ts'
import { execSession, openSession } from './session.ts'
import { stopPod } from './supervise.ts'

const shortGraceSeconds = 10

/** Ends the background work of an app; its pods stay as they are. */
async function leave(app: ProcessApp): Promise<void> {
  app.leave.abort()
  for (const pod of app.pods.values()) {
    pod.end.abort()
    pod.watch.abort()
  }
  await Promise.all([...app.pods.values()].map((pod) => pod.supervision))
  while (app.background.size > 0) await Promise.all(app.background)
}

async function stopAll(backend: Backend, app: ProcessApp): Promise<void> {
  const stop = [...app.pods.values()].map((pod) =>
    stopPod(backend, pod, Math.min(pod.graceSeconds, shortGraceSeconds) * 1000),
  )
  await Promise.all(stop)
}

async function removeApp(backend: Backend, id: string): Promise<void> {
  const { accounts, folder } = backend.options
  const app = openApp(backend, id)
  await leave(app)
  await stopAll(backend, app)
  const runAs = await accounts.of(id)
  if (runAs) await killAll(() => processesOf(runAs.uid))
  await app.lines.remove()
  await discard(appFolder(folder, id))
  await accounts.release(id)
  backend.apps.delete(id)
  backend.changed(id)
}

/** Adopts what an earlier scheduler with the same folder left running. */
export async function createProcessScheduler(options: ProcessOptions): Promise<Scheduler> {
  const listeners = new Set<(app: string) => void>()
  const backend: Backend = {
    options,
    ports: createPortPool({
      ...options.ports,
      guard: (ports) => options.firewall.guard(ports),
      failed: (error) => options.log('error', 'ports of apps could not be opened or closed', { error }),
    }),
    unpacking: createLimit(unpackedAtOnce),
    apps: new Map(),
    changed(app) {
      for (const listener of listeners) listener(app)
    },
  }
  const queue = createSerialQueue()
  await recover(backend)
  const podsOf = (app: string) => [...(backend.apps.get(app)?.pods.values() ?? [])]
  const readOutput = (app: string) => Promise.all(podsOf(app).map(async (pod) => pod.output?.poll()))
  const parse = (lines: readonly string[]): LogLine[] => lines.flatMap((line) => parseLine(line) ?? [])
  return {
    name: 'process',
    ...direct((app) => podsOf(app).map(observed)),
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
    async logs(app, { lines }) {
      await readOutput(app)
      return parse(await openApp(backend, app).lines.tail(lines))
    },
    async follow(app, { lines }, onLine, signal) {
      signal.throwIfAborted()
      await readOutput(app)
      const onLater = (later: readonly string[]): void => parse(later).forEach(onLine)
      return parse(await openApp(backend, app).lines.follow(lines, onLater, signal))
    },
    async remove(app, signal) {
      signal.throwIfAborted()
      await queue.cancel(app, new Error(`${app} was removed`))
      await queue.queued(app, signal, () => removeApp(backend, app))
    },
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async close({ stop }) {
      listeners.clear()
      await queue.cancel(null, new Error('the platform is stopping'))
      const apps = [...backend.apps.values()]
      await Promise.all(apps.map(leave))
      if (stop) await Promise.all(apps.map((app) => stopAll(backend, app)))
      const pods = apps.flatMap((app) => [...app.pods.values()])
      await Promise.all(pods.map(async (pod) => pod.output?.close({ flush: false })))
      await Promise.all(apps.map((app) => app.saving))
      // A start that fails closes its scheduler, too: it leaves nothing behind where no app runs.
      if (stop || pods.length === 0) await options.firewall.remove()
      else options.firewall.leave()
    },
  }
}
