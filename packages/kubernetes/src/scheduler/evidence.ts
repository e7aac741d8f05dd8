// What is the evidence of a failure: a pod's last log lines, its exit code, its events?
import type { Pod } from '../client/objects.ts'
import { containerOf } from '../cluster/containers.ts'
import { eventsOf, failureLines } from '../cluster/events.ts'
import { readLastLines } from '../cluster/last-lines.ts'
import { DeployFailure } from '@deis/ports/scheduler'
import { type Backend, nameOf } from './backend.ts'
import type { Trouble } from './diagnose.ts'

const lastLines = 20
const evidenceMs = 10_000

async function outputOf(backend: Backend, pod: Pod): Promise<string[]> {
  const container = containerOf(pod)
  if (!container) return []
  const which = { namespace: pod.metadata?.namespace ?? '', pod: nameOf(pod), container: container.name }
  const read = (previous: boolean): Promise<string[]> =>
    readLastLines(backend.kube, { ...which, lines: lastLines, previous })
  const dead = container.state?.terminated === undefined && container.lastState?.terminated !== undefined
  const found = await read(dead)
  return found.length > 0 || !dead ? found : read(false)
}

/** The failure with its evidence. Evidence that cannot be read is left out: the cause matters most. */
export async function failureOf(backend: Backend, trouble: Trouble): Promise<DeployFailure> {
  const { pod, cause, details, hint } = trouble
  if (!pod) return new DeployFailure(cause, details, hint)
  const signal = AbortSignal.timeout(evidenceMs)
  const [output, events] = await Promise.all([
    outputOf(backend, pod).catch(() => []),
    eventsOf(backend.kube, pod, signal).catch(() => []),
  ])
  const ended = containerOf(pod)?.state?.terminated ?? containerOf(pod)?.lastState?.terminated
  const exit = ended ? [`exit code ${ended.exitCode}${ended.reason ? ` (${ended.reason})` : ''}`] : []
  return new DeployFailure(cause, [...output, ...exit, ...new Set([...details, ...failureLines(events)])], hint)
}

/** Whether the pod's image is still being pulled. */
export async function isPulling(backend: Backend, pod: Pod, signal: AbortSignal): Promise<boolean> {
  const reasons = (await eventsOf(backend.kube, pod, signal)).map((event) => event.reason)
  return reasons.includes('Pulling') && !reasons.includes('Pulled') && !reasons.includes('Failed')
}
