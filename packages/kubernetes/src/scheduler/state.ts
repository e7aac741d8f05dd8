// In which of the contract's states is a pod (docs/contract/api.md §4.10)?
import type { Pod } from '../client/objects.ts'
import { containerOf, type ContainerStatus } from '../cluster/containers.ts'
import type { ObservedPod, PodState } from '@deis/ports/scheduler'
import { releaseOf } from './manifests/labels.ts'

const isGoing = (pod: Pod): boolean => pod.metadata?.deletionTimestamp !== undefined

export const hasReadyCondition = (pod: Pod): boolean =>
  pod.status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') === true

/** It takes requests: all its conditions are true, and it is not being deleted. */
export function isReady(pod: Pod): boolean {
  return pod.status?.phase === 'Running' && containerOf(pod)?.ready === true && hasReadyCondition(pod) && !isGoing(pod)
}

/**
 * Without a probe a container that ends at once is ready for as long as its node takes to say so, on a busy one seconds;
 * after a restart it must show that it stays.
 */
const staysUpMs = { first: 4_000, again: 10_000 }

export function isUp(pod: Pod, now: number): boolean {
  if (!isReady(pod)) return false
  if (pod.spec?.containers[0]?.readinessProbe) return true
  const container = containerOf(pod)
  const startedAt = Date.parse(container?.state?.running?.startedAt ?? '')
  return now - startedAt >= (container?.restartCount === 0 ? staysUpMs.first : staysUpMs.again)
}

/** The node clears up for some seconds, sometimes a minute, after a deleted pod has ended (docs/contract/api.md §4.10). */
export function isThere(pod: Pod, now: number): boolean {
  const deleted = pod.metadata?.deletionTimestamp
  if (deleted === undefined) return true
  const containers = pod.status?.containerStatuses ?? []
  const ended = containers.length > 0 && containers.every((one) => one.state?.terminated !== undefined)
  return !ended && Date.parse(deleted) > now
}

/** It neither works nor will: its ReplicaSet makes another. */
const hasEnded = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'

/** What its ReplicaSet counts. */
export const isActive = (pod: Pod): boolean => !isGoing(pod) && !hasEnded(pod)

function pending(container: ContainerStatus | undefined, lastEvent: string | undefined): string {
  const reason = container?.state?.waiting?.reason
  if (reason === undefined) return 'initializing'
  return reason === 'ContainerCreating' ? (lastEvent ?? 'creating') : reason
}

function running(pod: Pod, container: ContainerStatus | undefined): PodState {
  if (container?.state?.terminated) return 'terminating'
  if (!container?.state?.running) return 'error'
  if (isGoing(pod)) return container.ready ? 'terminating' : 'starting'
  return container.ready ? 'up' : 'starting'
}

const ended: Readonly<Record<string, PodState>> = { Succeeded: 'down', Failed: 'crashed', Unknown: 'error' }

/** `lastEvent`: the reason of the pod's newest event, where somebody has looked. */
export function stateOf(pod: Pod, lastEvent?: string): ObservedPod['state'] {
  const phase = pod.status?.phase ?? 'Pending'
  const container = containerOf(pod)
  if (phase === 'Pending') return pending(container, lastEvent)
  if (phase === 'Running') return running(pod, container)
  return ended[phase] ?? 'error'
}

export function observed(pod: Pod, lastEvent?: string): ObservedPod {
  return {
    name: pod.metadata?.name ?? '',
    type: pod.metadata?.labels?.type ?? '',
    release: releaseOf(pod.metadata?.labels),
    state: stateOf(pod, lastEvent),
    started: new Date(pod.status?.startTime ?? pod.metadata?.creationTimestamp ?? 0),
    // The router sends to the Service, never to a pod.
    address: null,
  }
}
