// What does a pod report about its containers?
import type { Pod } from '../client/objects.ts'

export type ContainerStatus = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number]
export type Terminated = NonNullable<NonNullable<ContainerStatus['state']>['terminated']>

/** Of all containers, in the order in which they start. */
export function statusesOf(pod: Pod | undefined): ContainerStatus[] {
  const { initContainerStatuses = [], containerStatuses = [] } = pod?.status ?? {}
  return [...initContainerStatuses, ...containerStatuses]
}

/** Pods of apps have one container; others that something injects come after it or have other names. */
export function containerOf(pod: Pod): ContainerStatus | undefined {
  const name = pod.spec?.containers[0]?.name
  return pod.status?.containerStatuses?.find((one) => one.name === name)
}

export const isOutOfMemory = ({ reason }: Terminated): boolean => reason === 'OOMKilled'

/** The container was created, but its command could not be executed. */
export const hasNeverRun = ({ reason }: Terminated): boolean =>
  reason === 'StartError' || reason === 'ContainerCannotRun'
