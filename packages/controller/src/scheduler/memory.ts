// How does an app run where nothing really runs: the scheduler for tests of everything above the port?
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { logSource, oneOffName, podName } from './names.ts'
import { behaviour } from './memory-commands.ts'
import { direct } from './direct.ts'
import { planRollout } from './plan.ts'
import {
  type Capabilities,
  DeployFailure,
  type Formation,
  type LogLine,
  type ObservedPod,
  type PodState,
  type Scheduler,
} from './port.ts'
import { createTurns } from './turns.ts'

type MemoryPod = {
  readonly name: string
  readonly app: string
  readonly type: string
  readonly release: number
  readonly started: Date
  readonly address: string
  readonly command: string | null
  readonly env: Readonly<Record<string, string>>
  state: PodState
  /** Part of what the last successful apply wanted. */
  committed: boolean
}

type MemoryApp = { readonly pods: Map<string, MemoryPod>; readonly lines: LogLine[]; formation: Formation | null }

/** What outlives a scheduler, as processes outlive a killed controller. */
export type MemoryWorld = { readonly apps: Map<string, MemoryApp>; ports: number; evict(): Promise<void> }

export type MemoryScheduler = Scheduler & {
  /** What the last successful `apply` wanted. */
  applied(app: string): Formation | undefined
  /** Who answers at an address, as a request would find out; null: nobody. */
  ask(address: string): { readonly pod: string; readonly env: Readonly<Record<string, string>> } | null
  /** Lets a pod that is up end as by a fault of its own; it is restarted. */
  crash(pod: string): void
}

export function createMemoryWorld(): MemoryWorld {
  return { apps: new Map(), ports: 10_000, evict: async () => {} }
}

const everything: Capabilities = {
  slugs: true,
  images: true,
  memoryLimits: true,
  cpuLimits: true,
  tags: true,
  healthchecks: true,
  autoscale: true,
  checks: [{ name: 'scheduler', status: 'limited', detail: 'nothing really runs: this scheduler is for tests' }],
}

const keptLines = 1000

/** Commands mean what memory-commands.ts says. Opening a second scheduler on a world is as a restart after kill -9. */
export function createMemoryScheduler(
  options: { readonly world?: MemoryWorld; readonly capabilities?: Partial<Capabilities> } = {},
): MemoryScheduler {
  const world = options.world ?? createMemoryWorld()
  const turns = createTurns()
  const listeners = new Set<(app: string) => void>()
  const changed = (app: string): void => listeners.forEach((listener) => listener(app))

  void world.evict()
  world.evict = () => turns.cancel(null, new Error('another scheduler took over'))
  for (const { pods } of world.apps.values()) for (const pod of pods.values()) if (!pod.committed) pods.delete(pod.name)

  const open = (app: string): MemoryApp => {
    const found = world.apps.get(app) ?? { pods: new Map(), lines: [], formation: null }
    world.apps.set(app, found)
    return found
  }
  const print = (pod: MemoryPod, text: string): void => {
    const { lines } = open(pod.app)
    lines.push({ time: new Date(), source: logSource(pod), text })
    lines.splice(0, lines.length - keptLines)
  }
  const serving = (app: string): MemoryPod[] =>
    [...(world.apps.get(app)?.pods.values() ?? [])].filter((pod) => pod.committed)
  const observed = (pod: MemoryPod): ObservedPod => {
    const routed = pod.committed && pod.state === 'up' && world.apps.get(pod.app)?.formation?.routable === pod.type
    return {
      name: pod.name,
      type: pod.type,
      release: pod.release,
      state: pod.state,
      started: pod.started,
      address: routed ? pod.address : null,
    }
  }
  const add = (from: Pick<Formation, 'app' | 'release' | 'env'>, type: string, command: string | null): MemoryPod => {
    const pod: MemoryPod = {
      name: type === 'run' ? oneOffName(from.app) : podName(from.app, type, from.release),
      app: from.app,
      type,
      release: from.release,
      started: new Date(),
      address: `192.0.2.1:${world.ports++}`,
      command,
      env: from.env,
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

  return {
    name: 'memory',
    ...direct((app) => [...(world.apps.get(app)?.pods.values() ?? [])].map(observed)),
    capabilities: async () => ({ ...everything, ...options.capabilities }),
    apply: (formation, signal, progress) =>
      turns.queued(formation.app, signal, async (whole) => {
        const candidates = serving(formation.app).map((pod) => ({ ...pod, ok: pod.state === 'up', pod }))
        const plan = planRollout(candidates, formation)
        if (plan.add.length > 0) progress(`starting ${plan.add.join(', ')}`)
        const old = plan.retire.map((one) => one.pod)
        await replace(formation, plan.add, old, whole)
      }),
    observe: async (app) => [...(world.apps.get(app)?.pods.values() ?? [])].map(observed),
    restart: (app, which, signal) =>
      turns.queued(app, signal, async (whole) => {
        const chosen = serving(app).filter((pod) =>
          which.name === undefined ? which.type === undefined || pod.type === which.type : pod.name === which.name,
        )
        const formation = world.apps.get(app)?.formation
        if (!formation || chosen.length === 0) return []
        const types = chosen.map((pod) => pod.type)
        return (await replace(formation, types, chosen, whole)).map(observed)
      }),
    run: (oneOff, io) =>
      turns.beside(oneOff.app, io.signal, async (whole) => {
        const pod = add(oneOff, 'run', oneOff.command)
        try {
          const does = behaviour(oneOff.command, oneOff.env)
          pod.state = 'up'
          changed(pod.app)
          for (const line of does.prints) {
            print(pod, line)
            io.output(`${line}\n`)
          }
          if (does.sleeps) {
            await sleep(oneOff.timeoutSeconds * 1000, undefined, { signal: whole })
            throw Object.assign(new Error(`the command ran longer than ${oneOff.timeoutSeconds} s`), {
              name: 'TimeoutError',
            })
          }
          return does.exit ?? 0
        } catch (error) {
          whole.throwIfAborted()
          throw error
        } finally {
          drop([pod])
        }
      }),
    logs: async (app, { lines }) => (lines > 0 ? (world.apps.get(app)?.lines.slice(-lines) ?? []) : []),
    async remove(app, signal) {
      signal.throwIfAborted()
      await turns.cancel(app, new Error(`${app} was removed`))
      if (world.apps.delete(app)) changed(app)
    },
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async close({ stop }) {
      await turns.cancel(null, new Error('the scheduler was closed'))
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
