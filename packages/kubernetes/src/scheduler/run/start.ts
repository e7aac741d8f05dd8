// How does the pod of a command start, and why may it not?
import { setTimeout as sleep } from 'node:timers/promises'
import type { Kube } from '../../client/client.ts'
import { hasStatus, isPassing, KubeError } from '../../client/error.ts'
import { type Pod, pathOf } from '../../client/objects.ts'
import { containerOf, hasNeverRun } from '../../cluster/containers.ts'
import { eventsOf, failureLines } from '../../cluster/events.ts'
import { isQuotaFull } from '../../cluster/obstacle.ts'
import { DeployFailure } from '@deis/ports/scheduler'
import { podTrouble, type Trouble } from '../diagnose.ts'
import { securityHint } from '../refusal.ts'
import type { PodView } from './view.ts'

const subject = 'the command'
const createMs = 60_000
const retryMs = 250
const eventsMs = 5_000

/** A namespace gets its service account a moment after its creation. */
const isTooEarly = (error: unknown): boolean =>
  hasStatus(error, 403) && /serviceaccount "[^"]*" not found/.test((error as Error).message)

function refusal(error: unknown): unknown {
  if (!(error instanceof KubeError) || ![403, 422].includes(error.status)) return error
  return isQuotaFull(error.message)
    ? new DeployFailure(
        `${subject} cannot be started: the quota of the app is used up`,
        [error.message],
        'Scale the app down, lower the limits of its processes, or have the quota raised.',
      )
    : new DeployFailure(
        `${subject} cannot be started: Kubernetes refuses its pod`,
        [error.message],
        securityHint(error.message) ??
          'Change what it complains about, for example the limits of the process type `run`.',
      )
}

/**
 * Creates the pod once, even if an answer of the server is lost.
 * @throws DeployFailure when the cluster refuses it.
 */
export async function createPod(kube: Kube, pod: Pod, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + createMs
  for (let doubtful = false; ;) {
    try {
      await kube.create<Pod>(pathOf('v1/Pod', pod.metadata?.namespace), pod, { signal })
      return
    } catch (error) {
      signal.throwIfAborted()
      // Its name is random, so this is the pod of an attempt whose answer was lost.
      if (doubtful && hasStatus(error, 409)) return
      if (!isPassing(error) && !isTooEarly(error)) throw refusal(error)
      if (Date.now() > deadline) throw refusal(error)
      doubtful ||= isPassing(error)
    }
    await sleep(retryMs, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}

function hasRun(pod: Pod): boolean {
  const { running, terminated } = containerOf(pod)?.state ?? {}
  return running !== undefined || (terminated !== undefined && !hasNeverRun(terminated))
}

/** What Kubernetes reports about a pod that does not start. Its events are sometimes late or missing. */
async function evidenceOf(kube: Kube, pod: Pod | undefined): Promise<string[]> {
  if (!pod) return ['Kubernetes has not shown the pod']
  const { reason = 'Pending', message = '' } = containerOf(pod)?.state?.waiting ?? {}
  const events = await eventsOf(kube, pod, AbortSignal.timeout(eventsMs)).catch(() => [])
  return [`${reason} ${message}`.trim(), ...failureLines(events)]
}

function failure({ cause, details, hint }: Trouble): DeployFailure {
  return new DeployFailure(cause, details, hint)
}

/**
 * Waits until the command runs, or has run.
 * @throws DeployFailure when it will not, or not in time.
 */
export async function untilStarted(kube: Kube, view: PodView, seconds: number, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + seconds * 1000
  let suspect: string | null = null
  let since = 0
  for (;;) {
    const pod = view.get()
    if (pod && hasRun(pod)) return
    if (view.isGone()) throw new Error('the pod of the command was deleted before it ran')
    const trouble = pod ? podTrouble(subject, pod) : null
    if ((trouble?.cause ?? null) !== suspect) since = Date.now()
    suspect = trouble?.cause ?? null
    const patience = trouble?.patience ?? null
    const limit = patience === null ? deadline : Math.min(deadline, since + patience * 1000)
    if (trouble && limit <= Date.now()) throw failure(trouble)
    if (pod?.status?.phase === 'Failed') {
      const { reason = 'Failed', message = '' } = pod.status
      throw new DeployFailure(`${subject} was not started: ${reason}`, [message], 'Try again.')
    }
    if (limit <= Date.now())
      throw new DeployFailure(
        `${subject} was not started within ${seconds} s`,
        await evidenceOf(kube, pod),
        "Try again. If it fails again, show this to the platform's admin.",
      )
    await view.changed(limit - Date.now(), signal)
  }
}
