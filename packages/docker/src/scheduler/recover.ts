// What happens to the containers that an earlier controller started?
import { isAppId } from '@deis/ports/names'
import { openEndpoint, tryProbe } from '@deis/ports/health'
import type { Probe } from '@deis/ports/scheduler'
import { ContainerList, type Listed } from '../engine/objects.ts'
import { type Backend, openApp } from './backend.ts'
import { endpointsOf, targetOf, watchPod } from './health.ts'
import {
  appLabel,
  graceLabel,
  kindLabel,
  ofPlatform,
  portLabel,
  readinessLabel,
  releaseLabel,
  typeLabel,
} from '../labels.ts'
import { newPod, type Pod } from './pod.ts'
import { inspect, watchContainer } from './running.ts'
import { removeContainer } from '../engine/remove.ts'
import { loadServing } from './state.ts'
import { lastLines, retire, supervise } from './supervise.ts'

const connectMs = 1000
const atOnce = 8

const wholeNumber = (text: string | undefined): number | null =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : null

/** Containers of this platform, also those that have ended. */
export async function listOurs(
  { options: { engine, platform } }: Pick<Backend, 'options'>,
  signal: AbortSignal,
): Promise<readonly Listed[]> {
  const query = { all: true, filters: { label: [ofPlatform(platform)] } }
  return engine.read('listing containers', ContainerList, { method: 'GET', path: '/containers/json', query }, signal)
}

/** The probe that the container was made with. */
function readinessOf(text: string | undefined): Probe | undefined {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as Probe)
  } catch {
    return undefined
  }
}

/** Whether it takes requests at this moment, and where. */
async function addressNow(
  backend: Backend,
  pod: Pod,
  { port, readiness }: { readonly port: number | null; readonly readiness: Probe | undefined },
): Promise<string | null> {
  if (!pod.container || port === null) return null
  const endpoint = await openEndpoint(endpointsOf(backend, pod.container, port), AbortSignal.timeout(connectMs))
  if (!endpoint) return null
  const never = new AbortController().signal
  const failed = readiness && (await tryProbe(readiness, targetOf(backend, pod.container, null, port), never))
  return failed ? null : `${endpoint.host}:${endpoint.port}`
}

/**
 * Adopts a pod's container that runs and is one of those that serve; what it is to be is known again with the next apply. One that
 * never served, or was about to end, ends as it would have. Others go, their lines stay.
 */
async function adopt(backend: Backend, listed: Listed, servingOf: ServingOf, signal: AbortSignal): Promise<void> {
  const { engine } = backend.options
  const labels = listed.Labels ?? {}
  const id = labels[appLabel] ?? ''
  const type = labels[typeLabel] ?? ''
  const release = wholeNumber(labels[releaseLabel])
  const kind = labels[kindLabel]
  // Builds are the builder's.
  if (kind !== 'pod' && kind !== 'run') return
  const found = kind === 'pod' && isAppId(id) && release !== null ? await inspect(engine, listed.Id, signal) : null
  if (!found || release === null) return removeContainer(engine, listed.Id, signal)
  const app = openApp(backend, id)
  const port = wholeNumber(labels[portLabel])
  const name = listed.Names[0]?.replace(/^\//, '') ?? listed.Id
  const serving = await servingOf(id)
  const pod = newPod({
    name,
    app,
    type,
    release,
    spec: null,
    graceSeconds: wholeNumber(labels[graceLabel]) ?? 30,
    routable: port !== null,
    stage: serving === null || serving.has(name) ? 'serving' : 'stopping',
  })
  if (!found.State.Running) {
    pod.container = watchContainer(backend, pod, found, '')
    await lastLines(pod)
    await pod.container.output.stop()
    return removeContainer(engine, listed.Id, signal)
  }
  app.pods.set(pod.name, pod)
  const network = await backend.options.networks.ensure(id, signal)
  const container = watchContainer(backend, pod, found, network)
  Object.assign(pod, { container, started: container.started, state: 'starting' })
  if (pod.stage === 'stopping') {
    // Routers may still send there.
    const [endpoint] = port === null ? [] : endpointsOf(backend, container, port)
    if (endpoint) pod.address = `${endpoint.host}:${endpoint.port}`
    return retire(backend, pod)
  }
  const adopted = { port, readiness: readinessOf(labels[readinessLabel]) }
  const address = await addressNow(backend, pod, adopted)
  if (port === null || address !== null) Object.assign(pod, { ready: true, state: 'up', address })
  pod.supervision = supervise(backend, pod)
  watchPod(backend, pod, adopted)
}

type ServingOf = (app: string) => Promise<ReadonlySet<string> | null>

/** Resolves when every container is adopted or deleted. */
export async function recover(backend: Backend, signal: AbortSignal): Promise<void> {
  const rest = [...(await listOurs(backend, signal))]
  const { stateFolder, log } = backend.options
  const known = new Map<string, ReturnType<ServingOf>>()
  const servingOf: ServingOf = (app) => {
    const found =
      known.get(app) ??
      loadServing(stateFolder, app).catch((error: unknown) => {
        log('warn', 'it is not known which containers served: all that are ready do', { app, err: error })
        return null
      })
    known.set(app, found)
    return found
  }
  const worker = async (): Promise<void> => {
    for (let one = rest.shift(); one; one = rest.shift()) await adopt(backend, one, servingOf, signal)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
