// What happens to the containers that an earlier controller started?
import { isAppId } from '@deis/ports/names'
import { openPlace } from '@deis/ports/probes'
import { ContainerList, type Listed } from '../engine/objects.ts'
import { type Backend, openApp } from './backend.ts'
import { placesOf, watchPod } from './health.ts'
import { appLabel, graceLabel, kindLabel, ofPlatform, portLabel, releaseLabel, typeLabel } from '../labels.ts'
import { newPod } from './pod.ts'
import { inspect, watchContainer } from './running.ts'
import { removeContainer } from '../engine/remove.ts'
import { lastLines, supervise } from './supervise.ts'

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

/** Adopts a pod's container that runs; what it is to be is known again with the next apply. Others go, their lines stay. */
async function adopt(backend: Backend, listed: Listed, signal: AbortSignal): Promise<void> {
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
  const pod = newPod({
    name: listed.Names[0]?.replace(/^\//, '') ?? listed.Id,
    app,
    type,
    release,
    spec: null,
    graceSeconds: wholeNumber(labels[graceLabel]) ?? 30,
    routable: port !== null,
    stage: 'serving',
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
  if (port !== null) {
    const place = await openPlace(placesOf(backend, container, port), AbortSignal.timeout(connectMs))
    if (place) Object.assign(pod, { ready: true, state: 'up', address: `${place.host}:${place.port}` })
  } else Object.assign(pod, { ready: true, state: 'up' })
  pod.supervision = supervise(backend, pod)
  watchPod(backend, pod, port)
}

/** Resolves when every container is adopted or deleted. */
export async function recover(backend: Backend, signal: AbortSignal): Promise<void> {
  const rest = [...(await listOurs(backend, signal))]
  const worker = async (): Promise<void> => {
    for (let one = rest.shift(); one; one = rest.shift()) await adopt(backend, one, signal)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
