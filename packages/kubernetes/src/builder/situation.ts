// What is the state of a build's pod, and why does it not start?
import type { Pod } from '../client/objects.ts'
import { buildContainer, fetchContainer } from './pod.ts'

type Status = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number]

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

/** Errors that a retry does not change. */
const permanent =
  /not found|manifest unknown|name unknown|repository does not exist|denied|unauthorized|authentication required|invalid reference|no match for platform/i
const permanentReasons = new Set(['InvalidImageName', 'ErrImageNeverPull', 'CreateContainerConfigError'])
const troubled = new Set([
  ...permanentReasons,
  'ErrImagePull',
  'ImagePullBackOff',
  'RegistryUnavailable',
  'ImageInspectError',
  'CreateContainerError',
  'RunContainerError',
])

const waiting = (why: string | null, final = false, passing = true): Situation => ({
  kind: 'waiting',
  why,
  final,
  passing,
})

/** `lastPull`: the last error of a pull, which the message of "back-off" does not repeat. */
function stuck({ image, state }: Status, lastPull: string | null): Situation | null {
  const { reason = '', message = '' } = state?.waiting ?? {}
  if (!troubled.has(reason)) return null
  const pull = /^(ErrImagePull|ImagePullBackOff|RegistryUnavailable|InvalidImageName|ErrImageNeverPull)$/.test(reason)
  const cause = oneLine((reason === 'ImagePullBackOff' ? lastPull : message) || message || reason)
  const why = pull ? `the image ${image} cannot be pulled: ${cause}` : `a container cannot be started: ${cause}`
  return waiting(why, permanentReasons.has(reason) || (pull && permanent.test(cause)), false)
}

function endedBy(pod: Pod, statuses: readonly Status[]): Ended | null {
  const terminated = statuses.filter((status) => status.state?.terminated)
  const failed = terminated.find(({ state }) => state?.terminated?.exitCode !== 0)
  const phase = pod.status?.phase
  if (!failed && phase !== 'Failed' && phase !== 'Succeeded') return null
  const decisive = failed ?? terminated.at(-1)
  const { exitCode = 1, reason = '', message = '' } = decisive?.state?.terminated ?? {}
  const { reason: podReason, message: podMessage } = pod.status ?? {}
  return {
    exitCode,
    container: decisive?.name ?? '',
    outOfMemory: reason === 'OOMKilled',
    podFailure: podReason || podMessage ? oneLine([podReason, podMessage].filter(Boolean).join(': ')) : null,
    message: message.trim(),
  }
}

export function situationOf(pod: Pod | undefined, lastPull: string | null): Situation {
  if (!pod) return waiting(null)
  const { initContainerStatuses = [], containerStatuses = [], conditions = [] } = pod.status ?? {}
  const statuses = [...initContainerStatuses, ...containerStatuses]
  const ended = endedBy(pod, statuses)
  if (ended) return { kind: 'ended', ended }
  const build = statuses.find(({ name }) => name === buildContainer)
  if (build?.state?.running || build?.state?.terminated) {
    const trouble = statuses.map((status) => stuck(status, lastPull)).find((found) => found !== null)
    return trouble ?? { kind: 'building' }
  }
  const unscheduled = conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False')
  if (unscheduled) return waiting(`no node takes it: ${oneLine(unscheduled.message ?? unscheduled.reason ?? '')}`)
  for (const status of statuses) {
    const found = stuck(status, lastPull)
    if (found) return found
  }
  return waiting(null)
}

/** The error of an image that could not be pulled, to be kept for later. */
export function pullErrorOf(pod: Pod): string | null {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {}
  const found = [...initContainerStatuses, ...containerStatuses].find(
    ({ state }) => state?.waiting?.reason === 'ErrImagePull',
  )
  return found?.state?.waiting?.message ?? null
}

export type JobEvent = { readonly reason?: string; readonly message?: string }

/** Why the Job creates no pod. A full quota may pass when other builds end; other refusals do not. */
export function refusalOf(events: readonly JobEvent[]): Situation | null {
  const message = events.findLast(({ reason }) => reason === 'FailedCreate')?.message
  if (message === undefined) return null
  const cause = oneLine(message.replace(/^Error creating: /, ''))
  const quota = /exceeded quota/.test(cause)
  return waiting(cause, !quota && /is forbidden|is invalid/.test(cause))
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
