// Which scheduler do tests of everything above the port use? One in memory, which runs nothing.
import { setMaxListeners } from 'node:events'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { orAborted } from '@deis/lib/wait'
import { logSource, oneOffName, podName } from '../names.ts'
import { behaviour } from './memory-commands.ts'
import { direct } from '../direct.ts'
import { createFeed } from './feed.ts'
import { simulate } from './memory-sessions.ts'
import { createMemoryWorld, type MemoryApp, type MemoryPod, type MemoryWorld, observed } from './memory-world.ts'
import { resumed, unreadyOf } from './memory-resume.ts'
import { planRollout } from '../take-over.ts'
import {
  type Capabilities,
  DeployFailure,
  type Formation,
  type LogLine,
  NoSuchPod,
  type ObservedPod,
  type OneOff,
  type Scheduler,
} from '../scheduler.ts'
import { beginSession } from '../started.ts'
import { createSerialQueue } from '@deis/lib/serial-queue'

export type MemoryScheduler = Scheduler & {
  /** What the last successful `apply` wanted. */
  applied(app: string): Formation | undefined
  /** The pod that answers requests at an address; null: none. */
  ask(address: string): { readonly pod: string; readonly env: Readonly<Record<string, string>> } | null
  /** Makes a pod that is up crash; it is restarted. */
  crash(pod: string): void
}

const everything: Capabilities = {
  cluster: false,
  slugs: true,
  images: true,
  memoryLimits: true,
  cpuLimits: true,
  tags: true,
  healthchecks: true,
  autoscale: true,
  podsOnly: true,
  checks: async () => [
    { name: 'scheduler', status: 'limited', detail: 'nothing really runs: this scheduler is for tests' },
  ],
}

const keptLines = 1000

/** Commands are those of memory-commands.ts. Opening a second scheduler on a world is like a restart after kill -9. */
export function createMemoryScheduler(
  options: { readonly world?: MemoryWorld; readonly capabilities?: Partial<Capabilities> } = {},
): MemoryScheduler {
  const world = options.world ?? createMemoryWorld()
  const queue = createSerialQueue()
  const feed = createFeed()
  const listeners = new Set<(app: string) => void>()
  const changed = (app: string): void => listeners.forEach((listener) => listener(app))

  void world.evict()
  world.evict = () => queue.cancel(null, new Error('another scheduler took over'))
  for (const { pods } of world.apps.values()) for (const pod of pods.values()) if (!pod.committed) pods.delete(pod.name)

  const open = (app: string): MemoryApp => {
    const found = world.apps.get(app) ?? { pods: new Map(), lines: [], formation: null }
    world.apps.set(app, found)
    return found
  }
  const print = (pod: MemoryPod, text: string): void => {
    const { lines } = open(pod.app)
    const line = { time: new Date(), source: logSource(pod), text }
    lines.push(line)
    lines.splice(0, lines.length - keptLines)
    feed.publish(pod.app, [line])
  }
  const serving = (app: string): MemoryPod[] =>
    [...(world.apps.get(app)?.pods.values() ?? [])].filter((pod) => pod.committed)
  const seen = (app: string): ObservedPod[] => {
    const found = world.apps.get(app)
    return [...(found?.pods.values() ?? [])].map((pod) => observed(pod, found?.formation?.routable ?? null))
  }
  const add = (
    from: Pick<OneOff, 'app' | 'release' | 'env' | 'name'>,
    type: string,
    command: string | null,
  ): MemoryPod => {
    const pod: MemoryPod = {
      name: type === 'run' ? (from.name ?? oneOffName(from.app)) : podName(from.app, type, from.release),
      app: from.app,
      type,
      release: from.release,
      started: new Date(),
      address: `192.0.2.1:${world.ports++}`,
      command,
      env: from.env,
      gone: new AbortController(),
      state: 'starting',
      committed: false,
    }
    open(pod.app).pods.set(pod.name, pod)
    changed(pod.app)
    return pod
  }
  const drop = (pods: readonly MemoryPod[]): void => {
    for (const pod of pods) {
      pod.committed = false
      pod.gone.abort(new Error(`${pod.name} has ended`))
      world.apps.get(pod.app)?.pods.delete(pod.name)
      changed(pod.app)
    }
  }
  const retire = async (pods: readonly MemoryPod[]): Promise<void> => {
    for (const pod of pods) {
      pod.committed = false
      pod.state = 'terminating'
      changed(pod.app)
    }
    await turn()
    drop(pods)
  }

  const ready = async (pod: MemoryPod, formation: Formation, signal: AbortSignal): Promise<void> => {
    const does = behaviour(pod.command, pod.env)
    await turn(undefined, { signal })
    for (const line of does.prints) print(pod, line)
    if (does.exit !== null)
      throw new DeployFailure(
        `${pod.type} exited with code ${does.exit} before it was ready`,
        does.prints,
        'Look at its last lines, fix the cause and deploy again.',
      )
    if (does.neverReady) {
      await sleep(formation.deployTimeoutSeconds * 1000, undefined, { signal })
      throw new DeployFailure(
        `${pod.type} was not ready within ${formation.deployTimeoutSeconds} s`,
        does.prints,
        'Listen on PORT, or raise DEIS_DEPLOY_TIMEOUT.',
      )
    }
    pod.state = 'up'
    changed(pod.app)
  }
  const planOf = (formation: Formation): { add: readonly string[]; retire: readonly MemoryPod[] } => {
    const candidates = serving(formation.app).map((pod) => ({ ...pod, ok: pod.state === 'up', pod }))
    const { add: types, retire: old } = planRollout(candidates, formation)
    return { add: types, retire: old.map(({ pod }) => pod) }
  }
  /** All of these types become ready and take over from `old`, or nothing changes. */
  const replace = async (
    formation: Formation,
    types: readonly string[],
    old: readonly MemoryPod[],
    signal: AbortSignal,
  ): Promise<MemoryPod[]> => {
    const added = types.map((type) => add(formation, type, formation.processes[type]?.command ?? null))
    const first = new AbortController()
    try {
      const stop = AbortSignal.any([signal, first.signal])
      // Each pod waits with it.
      setMaxListeners(0, stop)
      await Promise.all(added.map((pod) => ready(pod, formation, stop)))
      signal.throwIfAborted()
    } catch (error) {
      first.abort()
      drop(added)
      signal.throwIfAborted()
      throw error
    }
    for (const pod of added) pod.committed = true
    open(formation.app).formation = formation
    void retire(old)
    changed(formation.app)
    return added
  }

  /** A pod for one command. */
  const once = async (
    oneOff: OneOff,
    signal: AbortSignal,
    work: (pod: MemoryPod, signal: AbortSignal) => Promise<number>,
  ): Promise<number> => {
    const pod = add(oneOff, 'run', oneOff.command)
    const late = new AbortController()
    const error = new Error(`the command ran longer than ${oneOff.timeoutSeconds} s`)
    const timer = setTimeout(
      () => late.abort(Object.assign(error, { name: 'TimeoutError' })),
      oneOff.timeoutSeconds * 1000,
    )
    try {
      signal.throwIfAborted()
      pod.state = 'up'
      changed(pod.app)
      return await work(pod, AbortSignal.any([signal, late.signal]))
    } finally {
      clearTimeout(timer)
      drop([pod])
    }
  }
  const newest = (app: string, lines: number): LogLine[] =>
    lines > 0 ? (world.apps.get(app)?.lines.slice(-lines) ?? []) : []

  return {
    name: 'memory',
    ...direct(seen),
    capabilities: async () => ({ ...everything, ...options.capabilities }),
    apply: (formation, signal, progress) =>
      queue.queued(formation.app, signal, async (whole) => {
        const { add: types, retire: old } = planOf(formation)
        if (types.length > 0) progress(`starting ${types.join(', ')}`)
        await replace(formation, types, old, whole)
      }),
    resume: (formation, signal) =>
      queue.queued(formation.app, signal, async (whole) => {
        const { add: types, retire: old } = planOf(formation)
        if (serving(formation.app).some((pod) => pod.release !== formation.release))
          await replace(formation, types, old, whole)
        else {
          const added = types.map((type) => add(formation, type, formation.processes[type]?.command ?? null))
          open(formation.app).formation = formation
          void retire(old)
          await resumed(added, print, changed)
        }
        return unreadyOf(serving(formation.app))
      }),
    observe: async (app) => seen(app),
    restart: (app, which, signal) =>
      queue.queued(app, signal, async (whole) => {
        const chosen = serving(app).filter((pod) =>
          which.name === undefined ? which.type === undefined || pod.type === which.type : pod.name === which.name,
        )
        const formation = world.apps.get(app)?.formation
        if (!formation || chosen.length === 0) return []
        const types = chosen.map((pod) => pod.type)
        const added = await replace(formation, types, chosen, whole)
        return added.map((pod) => observed(pod, formation.routable))
      }),
    run: (oneOff, io) =>
      queue.alongside(oneOff.app, io.signal, (whole) =>
        once(oneOff, whole, async (pod, signal) => {
          const does = behaviour(oneOff.command, oneOff.env)
          for (const line of does.prints) {
            print(pod, line)
            io.output(`${line}\n`)
          }
          if (does.sleeps) await orAborted(new Promise(() => {}), signal)
          return does.exit ?? 0
        }),
      ),
    open: (oneOff, io) =>
      beginSession(queue, oneOff.app, io.signal, (whole, started) =>
        once(oneOff, whole, (pod, signal) => simulate(oneOff.command, pod, io, signal, started)),
      ),
    exec: ({ app, pod: name, command }, io) =>
      beginSession(queue, app, io.signal, async (whole, started) => {
        const pod = world.apps.get(app)?.pods.get(name)
        if (pod?.state !== 'up') throw new NoSuchPod(`${app} has no pod ${name} that is up`)
        return simulate(command, pod, io, AbortSignal.any([whole, pod.gone.signal]), started)
      }),
    logs: async (app, { lines }) => newest(app, lines),
    async follow(app, { lines }, onLine, signal) {
      signal.throwIfAborted()
      feed.listen(app, onLine, signal)
      return newest(app, lines)
    },
    async remove(app, signal) {
      signal.throwIfAborted()
      await queue.cancel(app, new Error(`${app} was removed`))
      if (world.apps.delete(app)) changed(app)
    },
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async close({ stop }) {
      await queue.cancel(null, new Error('the scheduler was closed'))
      if (stop) for (const { pods } of world.apps.values()) drop([...pods.values()])
      listeners.clear()
    },
    applied: (app) => world.apps.get(app)?.formation ?? undefined,
    ask(address) {
      const all = [...world.apps.values()].flatMap(({ pods }) => [...pods.values()])
      const pod = all.find((one) => one.address === address && (one.state === 'up' || one.state === 'terminating'))
      return pod ? { pod: pod.name, env: pod.env } : null
    },
    crash(name) {
      const pod = [...world.apps.values()].map(({ pods }) => pods.get(name)).find((one) => one !== undefined)
      if (pod?.state !== 'up') return
      pod.state = 'error'
      print(pod, 'process exited with code 1, restarting in 0s')
      changed(pod.app)
      void turn().then(() => {
        if (pod.state !== 'error') return
        pod.state = 'up'
        changed(pod.app)
      })
    },
  }
}
