// How do apps run on a Kubernetes cluster (docs/architecture.md)?
import { type Node, pathOf, type Pod } from '../client/objects.ts'
import { containerOf } from '../cluster/containers.ts'
import { eventsOf } from '../cluster/events.ts'
import { oneOffName } from '@deis/ports/names'
import type { Edge, ObservedPod, OneOff, Scheduler, SessionIo, Upstreams } from '@deis/ports/scheduler'
import { beginSession, type Started } from '@deis/ports/started'
import { createSerialQueue } from '@deis/lib/serial-queue'
import { applyFormation } from './apply/apply.ts'
import { type Backend, type KubernetesOptions } from './backend.ts'
import { capabilitiesOf, isMeasured } from './checks.ts'
import { openCluster } from './watches.ts'
import { managers } from './manifests/labels.ts'
import { openPodLogs } from './logs/logs.ts'
import { labelNamespace } from './namespace-policy.ts'
import { matchingNodes } from './nodes.ts'
import { ensureSecrets, oneOffPod } from './manifests/one-off.ts'
import { remember } from './remember.ts'
import { restartPods } from './apply/restart.ts'
import { resumeFormation } from './apply/resume.ts'
import { ensureNamespace, removeNamespace } from './namespace.ts'
import type { RunDeps } from './run/end.ts'
import { cleanOneOffs, runOneOff, withPod } from './run/run.ts'
import { isRestricted } from './manifests/security.ts'
import { edgeOf, ingress } from './manifests/service.ts'
import { execInPod } from './session/exec.ts'
import { newSessionTokens } from '@deis/container/session/handshake'
import { runInOwnPod, sessionPod } from './session/open.ts'
import { withSignal } from '@deis/container/session/session'
import { isReady, isThere, observed } from './state.ts'

export type { KubernetesOptions } from './backend.ts'

type Version = { readonly major?: string; readonly minor?: string; readonly gitVersion?: string }

/** Lifecycle handlers may sleep by themselves from 1.30 on. */
const sleepMinor = 30
/** How long facts about the cluster itself are cached. */
const rememberMs = 300_000
const retryMs = 5_000
/** A pod whose creation takes longer than this has a problem, which its events show. */
const creatingMs = 5_000

async function setEdge(backend: Backend, edge: Edge, signal: AbortSignal): Promise<void> {
  const { kube, options } = backend
  await ensureNamespace(backend, edge.app, signal)
  await kube.apply(edgeOf(edge), { manager: managers.edge, signal })
  if (options.routing === 'ingress' && edge.routable && edge.hosts.length > 0)
    await kube.apply(ingress(edge, options), { signal })
  else await kube.remove(pathOf('networking.k8s.io/v1/Ingress', edge.app, edge.app), { signal })
}

function upstreams({ cluster }: Backend, app: string): Upstreams {
  const none: Upstreams = { addresses: [], shared: true }
  const service = cluster.services.get(app, app)
  const ip = service?.spec?.clusterIP
  const type = service?.spec?.selector?.type
  if (ip === undefined || ip === '' || ip === 'None' || type === undefined) return none
  if (!cluster.pods.of(app).some((pod) => pod.metadata?.labels?.type === type && isReady(pod))) return none
  return { addresses: [ip.includes(':') ? `[${ip}]:80` : `${ip}:80`], shared: true }
}

async function observe(backend: Backend, app: string): Promise<ObservedPod[]> {
  const isStuck = (pod: Pod): boolean =>
    containerOf(pod)?.state?.waiting?.reason === 'ContainerCreating' &&
    Date.now() - Date.parse(pod.metadata?.creationTimestamp ?? '') > creatingMs
  const look = async (pod: Pod): Promise<ObservedPod> => {
    if (!isStuck(pod)) return observed(pod)
    const events = await eventsOf(backend.kube, pod, AbortSignal.timeout(creatingMs)).catch(() => [])
    return observed(pod, events.at(-1)?.reason)
  }
  const now = Date.now()
  const pods = backend.cluster.pods.of(app).filter((pod) => isThere(pod, now))
  return Promise.all(pods.map(look))
}

/** Does the work with the manifest of a pod for one command, whose namespace and secrets are there. */
async function withOneOffPod(
  backend: Backend,
  oneOff: OneOff,
  signal: AbortSignal,
  work: (manifest: Pod, deps: RunDeps) => Promise<number>,
): Promise<number> {
  const { kube, cluster, logs, options, pods } = backend
  const restricted = isRestricted(oneOff.artifact, await ensureNamespace(backend, oneOff.app, signal))
  const name = oneOff.name ?? oneOffName(oneOff.app)
  const secret = await ensureSecrets(backend, oneOff, name, signal)
  try {
    const manifest = oneOffPod({ ...options, ...pods }, oneOff, { name, restricted, secret: secret.name })
    return await work(manifest, { kube, pods: cluster.pods, catchUpLogs: (pod) => logs.catchUp(pod), log: options.log })
  } finally {
    await secret.done()
  }
}

function run(
  backend: Backend,
  oneOff: OneOff,
  io: { output(chunk: string): void; signal: AbortSignal },
): Promise<number> {
  return withOneOffPod(backend, oneOff, io.signal, (manifest, deps) =>
    runOneOff(deps, manifest, { timeoutSeconds: oneOff.timeoutSeconds }, io),
  )
}

function openSession(
  backend: Backend,
  oneOff: OneOff,
  io: SessionIo,
  started: (session: Started) => void,
): Promise<number> {
  const { timeoutSeconds } = oneOff
  const tokens = newSessionTokens()
  return withOneOffPod(backend, oneOff, io.signal, (manifest, deps) =>
    withPod(deps, sessionPod(manifest, oneOff, tokens, io), { timeoutSeconds }, io.signal, (view, pod) =>
      runInOwnPod(deps.kube, { view, pod, tokens, timeoutSeconds }, io, started),
    ),
  )
}

async function openBackend(options: KubernetesOptions): Promise<Backend> {
  const { kube, folder, log } = options
  const { major = '1', minor = '0', gitVersion = 'unknown' } = await kube.get<Version>('/version')
  if (options.network.routers !== null) await labelNamespace(kube, options.network.routers)
  const cluster = await openCluster(kube, (error) =>
    log('warn', 'a watch of the cluster was interrupted', { err: error }),
  )
  const logs = openPodLogs({ kube, folder, log })
  return {
    options,
    kube,
    cluster,
    logs,
    version: gitVersion,
    pods: {
      debug: options.debug,
      drainSeconds: options.drainSeconds,
      nativeSleep: Number(major) > 1 || Number.parseInt(minor, 10) >= sleepMinor,
    },
    inUse: new Set(),
    // "No" is cached for a short time only: you may install a metrics server and try again at once.
    measured: remember(
      (yes) => (yes ? rememberMs : retryMs),
      () => isMeasured(kube),
    ),
    nodes: remember(
      () => rememberMs,
      async () => (await kube.list<Node>(pathOf('v1/Node'))).items,
    ),
  }
}

/** Reads all its state from the cluster: nothing is stored from one start to the next. */
export async function createKubernetesScheduler(options: KubernetesOptions): Promise<Scheduler> {
  const backend = await openBackend(options)
  const { kube, cluster, logs } = backend
  const queue = createSerialQueue()
  const listeners = new Set<() => void>()
  cluster.pods.onChange((pod, gone) => (gone ? logs.gone(pod) : logs.seen(pod)))
  for (const pod of cluster.pods.all()) logs.seen(pod)
  // Deletes what a dead controller has left, without delaying the start.
  void cleanOneOffs({ kube, platform: options.platform, alive: options.alive }).catch((error: unknown) =>
    options.log('warn', 'one-off pods of dead controllers may still run', { err: error }),
  )

  return {
    name: 'kubernetes',
    capabilities: () => capabilitiesOf(backend),
    prepare: (app, signal) =>
      queue.alongside(app, signal, async (whole) => void (await ensureNamespace(backend, app, whole))),
    setEdge: (edge, signal) => queue.alongside(edge.app, signal, (whole) => setEdge(backend, edge, whole)),
    upstreams: async (app) => upstreams(backend, app),
    matchingNodes: (tags) => matchingNodes(kube, tags),
    apply: (formation, signal, progress) =>
      queue.queued(formation.app, signal, (whole) => applyFormation(backend, formation, whole, progress)),
    resume: (formation, signal) =>
      queue.queued(formation.app, signal, (whole) => resumeFormation(backend, formation, whole)),
    observe: (app) => observe(backend, app),
    restart: (app, which, signal) =>
      queue.queued(app, signal, async (whole) =>
        (await restartPods(backend, app, which, whole)).map((pod) => observed(pod)),
      ),
    run: (oneOff, io) =>
      queue.alongside(oneOff.app, io.signal, (signal) =>
        run(backend, oneOff, { output: (chunk) => io.output(chunk), signal }),
      ),
    open: (oneOff, io) =>
      beginSession(queue, oneOff.app, io.signal, (signal, started) =>
        openSession(backend, oneOff, withSignal(io, signal), started),
      ),
    exec: (target, io) =>
      beginSession(queue, target.app, io.signal, (signal, started) =>
        execInPod({ kube, log: options.log }, target, withSignal(io, signal), started),
      ),
    logs: (app, { lines }) => logs.tail(app, lines),
    follow: (app, { lines }, onLine, signal) => logs.follow(app, lines, onLine, signal),
    async remove(app, signal) {
      signal.throwIfAborted()
      await queue.cancel(app, new Error(`${app} was removed`))
      await queue.queued(app, signal, async (whole) => {
        await removeNamespace(backend, app, whole)
        await logs.remove(app)
      })
    },
    onChange(listener) {
      const stop = cluster.onChange(listener)
      listeners.add(stop)
      return () => {
        listeners.delete(stop)
        stop()
      }
    },
    // Pods belong to the cluster, which outlives the platform: `stop` stops none.
    async close() {
      for (const stop of listeners) stop()
      await queue.cancel(null, new Error('the platform is stopping'))
      await logs.close()
      await cluster.close()
    },
  }
}
