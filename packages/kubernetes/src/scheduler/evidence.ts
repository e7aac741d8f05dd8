// What is the evidence of a failure: a pod's last log lines, its exit code, its events?
import { type Event, pathOf, type Pod } from '../client/objects.ts'
import { DeployFailure } from '@deis/ports/scheduler'
import { type Backend, nameOf } from './backend.ts'
import type { Trouble } from './diagnose.ts'
import { containerOf } from './state.ts'

const lastLines = 20
const lastEvents = 5
const evidenceMs = 10_000

const timeOf = (event: Event): string =>
  event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp ?? ''

/** Oldest first. */
export async function eventsOf(backend: Backend, pod: Pod, signal: AbortSignal): Promise<Event[]> {
  const { items } = await backend.kube.list<Event>(pathOf('v1/Event', pod.metadata?.namespace), {
    query: { fieldSelector: `involvedObject.uid=${pod.metadata?.uid}` },
    signal,
  })
  return items.toSorted((one, other) => (timeOf(one) < timeOf(other) ? -1 : 1))
}

async function outputOf(backend: Backend, pod: Pod): Promise<string[]> {
  const container = containerOf(pod)
  if (!container) return []
  const read = (previous: boolean): Promise<string[]> =>
    backend.logs.lastLines(pod.metadata?.namespace ?? '', nameOf(pod), container.name, lastLines, previous)
  const dead = container.state?.terminated === undefined && container.lastState?.terminated !== undefined
  const found = await read(dead)
  return found.length > 0 || !dead ? found : read(false)
}

const relevant =
  /^(Unhealthy|Failed|FailedScheduling|FailedMount|FailedCreatePodSandBox|BackOff|Evicted|FailedPostStartHook)$/

/** The failure with its evidence. Evidence that cannot be read is left out: the cause matters most. */
export async function failureOf(backend: Backend, trouble: Trouble): Promise<DeployFailure> {
  const { pod, cause, details, hint } = trouble
  if (!pod) return new DeployFailure(cause, details, hint)
  const signal = AbortSignal.timeout(evidenceMs)
  const [output, events] = await Promise.all([
    outputOf(backend, pod).catch(() => []),
    eventsOf(backend, pod, signal).catch(() => []),
  ])
  const reported = events
    .filter((event) => relevant.test(event.reason ?? ''))
    .map((event) => `${event.reason}: ${event.message ?? ''}`)
  const ended = containerOf(pod)?.state?.terminated ?? containerOf(pod)?.lastState?.terminated
  const exit = ended ? [`exit code ${ended.exitCode}${ended.reason ? ` (${ended.reason})` : ''}`] : []
  return new DeployFailure(cause, [...output, ...exit, ...new Set([...details, ...reported.slice(-lastEvents)])], hint)
}

/** Whether the pod's image is still being pulled. */
export async function isPulling(backend: Backend, pod: Pod, signal: AbortSignal): Promise<boolean> {
  const reasons = (await eventsOf(backend, pod, signal)).map((event) => event.reason)
  return reasons.includes('Pulling') && !reasons.includes('Pulled') && !reasons.includes('Failed')
}
