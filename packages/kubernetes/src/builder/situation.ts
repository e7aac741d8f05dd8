// What is the state of a build's pod, and why does it not start?
import type { Event, Pod } from '../client/objects.ts'
import { type ContainerStatus, isOutOfMemory, statusesOf, type Terminated } from '../cluster/containers.ts'
import { isOfImage, isQuotaFull, obstacleOf, unscheduledOf } from '../cluster/obstacle.ts'
import { analyzeContainer, buildContainer, fetchContainer } from './pod.ts'

export type Ended = {
  readonly exitCode: number
  /** The container that ended the build. */
  readonly container: string
  readonly outOfMemory: boolean
  /** Why the pod, not a container, failed: evicted, its node lost; else null. */
  readonly podFailure: string | null
  /** The last message of the container that ended it. */
  readonly message: string
}

export type Situation =
  /** `why`: one line; null: nothing is wrong. `final`: waiting longer changes nothing. `passing`: it may pass by itself. */
  | { readonly kind: 'waiting'; readonly why: string | null; readonly final: boolean; readonly passing: boolean }
  | { readonly kind: 'building' }
  | { readonly kind: 'ended'; readonly ended: Ended }

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim().slice(0, 500)

const waiting = (why: string | null, final = false, passing = true): Situation => ({
  kind: 'waiting',
  why,
  final,
  passing,
})

/** `lastPull`: the last error of a pull. */
function stuck(status: ContainerStatus, lastPull: string | null): Situation | null {
  const obstacle = obstacleOf(status, lastPull)
  if (!obstacle) return null
  const { reason, message, isPermanent } = obstacle
  const what = isOfImage(obstacle) ? `the image ${status.image} cannot be pulled` : 'a container cannot be started'
  const why = `${what}: ${oneLine(message || reason)}`
  // What the container of a build refers to was there before its Job.
  return waiting(why, isPermanent || reason === 'CreateContainerConfigError', false)
}

function endedBy(pod: Pod, statuses: readonly ContainerStatus[]): Ended | null {
  const ends = statuses.filter((status) => status.state?.terminated)
  const failed = ends.find(({ state }) => state?.terminated?.exitCode !== 0)
  const phase = pod.status?.phase
  if (!failed && phase !== 'Failed' && phase !== 'Succeeded') return null
  const decisive = failed ?? ends.at(-1)
  const terminated: Terminated = decisive?.state?.terminated ?? { exitCode: 1 }
  const { reason: podReason, message: podMessage } = pod.status ?? {}
  return {
    exitCode: terminated.exitCode,
    container: decisive?.name ?? '',
    outOfMemory: isOutOfMemory(terminated),
    podFailure: podReason || podMessage ? oneLine([podReason, podMessage].filter(Boolean).join(': ')) : null,
    message: (terminated.message ?? '').trim(),
  }
}

export function situationOf(pod: Pod | undefined, lastPull: string | null): Situation {
  if (!pod) return waiting(null)
  const statuses = statusesOf(pod)
  const ended = endedBy(pod, statuses)
  if (ended) return { kind: 'ended', ended }
  const begins = statuses.filter(({ name }) => name === buildContainer || name === analyzeContainer)
  if (begins.some(({ state }) => state?.running || state?.terminated)) {
    const trouble = statuses.map((status) => stuck(status, lastPull)).find((found) => found !== null)
    return trouble ?? { kind: 'building' }
  }
  const unscheduled = unscheduledOf(pod)
  if (unscheduled) return waiting(`no node takes it: ${oneLine(unscheduled.message ?? unscheduled.reason ?? '')}`)
  for (const status of statuses) {
    const found = stuck(status, lastPull)
    if (found) return found
  }
  return waiting(null)
}

/** The error of an image that could not be pulled, to be kept for later. */
export function pullErrorOf(pod: Pod): string | null {
  const found = statusesOf(pod).find(({ state }) => state?.waiting?.reason === 'ErrImagePull')
  return found?.state?.waiting?.message ?? null
}

/** Why the Job creates no pod. A full quota may pass when other builds end; other refusals do not. */
export function refusalOf(events: readonly Pick<Event, 'reason' | 'message'>[]): Situation | null {
  const message = events.findLast(({ reason }) => reason === 'FailedCreate')?.message
  if (message === undefined) return null
  const cause = oneLine(message.replace(/^Error creating: /, ''))
  return waiting(cause, !isQuotaFull(cause) && /is forbidden|is invalid/.test(cause))
}

/** The message for the user when a build failed. */
export function failureOf({ exitCode, container, outOfMemory, podFailure }: Ended, limit: string | null): string {
  if (outOfMemory)
    return `The build ran out of memory (OOMKilled)${limit === null ? '' : `: it may use ${limit}`}. Make it smaller, or raise the limit of builds.`
  if (podFailure !== null) return `The build's pod failed: ${podFailure}.`
  if (container === fetchContainer) return 'The source could not be copied to the build.'
  if (container !== buildContainer) return 'The image could not be pushed to the registry.'
  return `Build pod exited with code ${exitCode}, stopping build.`
}
