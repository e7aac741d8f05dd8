// What has the cluster reported about an object?
import type { Kube } from '../client/client.ts'
import { type Event, type KubeObject, pathOf } from '../client/objects.ts'

const timeOf = (event: Event): string =>
  event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp ?? ''

/** Oldest first. */
export async function eventsOf(kube: Kube, { metadata }: KubeObject, signal: AbortSignal): Promise<Event[]> {
  const { items } = await kube.list<Event>(pathOf('v1/Event', metadata?.namespace), {
    query: { fieldSelector: `involvedObject.uid=${metadata?.uid}` },
    signal,
  })
  return items.toSorted((one, other) => (timeOf(one) < timeOf(other) ? -1 : 1))
}

const failures =
  /^(Unhealthy|Failed|FailedScheduling|FailedMount|FailedCreatePodSandBox|BackOff|Evicted|FailedPostStartHook)$/
const mostLines = 5

/** The newest failures among them, each once, as lines to show. */
export function failureLines(events: readonly Event[]): string[] {
  const lines = events
    .filter(({ reason }) => failures.test(reason ?? ''))
    .map(({ reason, message = '' }) => `${reason}: ${message}`)
  return [...new Set(lines)].slice(-mostLines)
}
