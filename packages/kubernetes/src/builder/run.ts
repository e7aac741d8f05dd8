// How does one Job run to its end, with its output and all that delays it shown?
import { setTimeout as sleep } from 'node:timers/promises'
import type { Kube } from '../client/client.ts'
import { KubeError } from '../client/error.ts'
import { type Job, type ListOf, pathOf, type Pod } from '../client/objects.ts'
import { watchAll } from '../client/watch.ts'
import { BuildFailure } from '@deis/ports/builder'
import { followLog, lastLines } from './follow.ts'
import { buildLabel } from './names.ts'
import type { Settings } from './options.ts'
import { buildContainer } from './pod.ts'
import { type Ended, type JobEvent, pullErrorOf, refusalOf, type Situation, situationOf } from './situation.ts'

export type Reporter = {
  /** Shows a line of the build's own output. */
  readonly line: (line: string) => void
  /** Shows a line of the platform: why the build waits, why it failed. */
  readonly note: (text: string) => void
}

type Names = { readonly namespace: string; readonly name: string }

/** How long an obstacle that may pass, such as a registry that restarts, may last. */
const passingMs = 30_000
const quietMs = 1000
const tickMs = 1000
/** How long a log may outlast its container. */
const logEndMs = 10_000

async function create(kube: Kube, job: Job, signal: AbortSignal): Promise<void> {
  try {
    await kube.create<Job>(pathOf('batch/v1/Job', job.metadata?.namespace), job, { signal })
  } catch (error) {
    if (!(error instanceof KubeError) || error.status < 400 || error.status >= 500) throw error
    throw new BuildFailure(`The cluster refused the build: ${error.message}`)
  }
}

async function eventsOf(kube: Kube, { namespace, name }: Names, signal: AbortSignal): Promise<readonly JobEvent[]> {
  const fieldSelector = `involvedObject.kind=Job,involvedObject.name=${name}`
  const path = pathOf('v1/Event', namespace)
  const { items }: ListOf<JobEvent> = await kube.list(path, { query: { fieldSelector }, signal })
  return items
}

/** Shows what a build waits for, once for each reason. @throws BuildFailure when waiting longer is useless. */
function createWait({ startSeconds }: Settings, { note }: Reporter): (now: Situation & { kind: 'waiting' }) => void {
  const since = Date.now()
  let shown = ''
  let troubledSince: number | null = null
  return ({ why, final, passing }) => {
    const waited = Date.now() - since
    if (why === null || passing) troubledSince = null
    else troubledSince ??= Date.now()
    const tooLong = troubledSince !== null && Date.now() - troubledSince > passingMs
    if (final || tooLong) throw new BuildFailure(`The build cannot start: ${why}.`)
    if (waited > startSeconds * 1000)
      throw new BuildFailure(
        `The build did not start within ${startSeconds} seconds: ${why ?? 'the cluster created no pod for it'}.`,
      )
    const text = why === null ? 'Waiting for the build to start' : `Waiting for the build to start: ${why}`
    if (text === shown || (why === null && (shown !== '' || waited < quietMs))) return
    shown = text
    note(text)
  }
}

/**
 * Creates the Job and follows it. The caller deletes the Job in any case.
 * @throws BuildFailure when it cannot start; the signal's reason.
 */
export async function runJob(settings: Settings, job: Job, reporter: Reporter, signal: AbortSignal): Promise<Ended> {
  const { kube, log } = settings
  const names = { namespace: job.metadata?.namespace ?? '', name: job.metadata?.name ?? '' }
  const build = job.metadata?.labels?.[buildLabel] ?? ''
  const over = new AbortController()
  const either = AbortSignal.any([signal, over.signal])
  await create(kube, job, signal)
  const pods = await watchAll<Pod>(kube, pathOf('v1/Pod', names.namespace), {
    query: { labelSelector: `${buildLabel}=${build}` },
    trouble: (error) => log('warn', 'a watch of a build was interrupted', { build, error }),
  })
  let wake = (): void => {}
  let lost = false
  let lastPull: string | null = null
  pods.onChange((pod, gone) => {
    lost ||= gone
    lastPull = pullErrorOf(pod) ?? lastPull
    wake()
  })
  const changed = async (): Promise<void> => {
    const tick = new AbortController()
    const woken = new Promise<void>((resolve) => {
      wake = resolve
    })
    try {
      await Promise.race([woken, sleep(tickMs, undefined, { signal: AbortSignal.any([signal, tick.signal]) })])
    } finally {
      tick.abort()
    }
  }
  const now = (): Situation => situationOf(pods.all()[0], lastPull)
  const isOver = (): boolean => lost || now().kind === 'ended'
  const wait = createWait(settings, reporter)
  let following: Promise<void> | null = null
  const follow = (pod: string): Promise<void> =>
    followLog(kube, { ...names, pod, container: buildContainer }, reporter.line, () => !isOver(), either).catch(
      (error: unknown) => {
        if (!either.aborted) log('warn', 'the log of a build was cut off', { build, error })
      },
    )
  try {
    for (;;) {
      signal.throwIfAborted()
      const pod = pods.all()[0]
      if (lost || pod?.metadata?.deletionTimestamp !== undefined)
        throw new BuildFailure('The pod of the build was deleted from outside, or its node is gone.')
      const situation = now()
      const started = situation.kind !== 'waiting' && hasStarted(pod)
      if (started && following === null) following = follow(pod?.metadata?.name ?? '')
      if (situation.kind === 'ended') {
        await Promise.race([following, sleep(logEndMs, undefined, { signal, ref: false })])
        await showLastLines(kube, names, pod, situation.ended, reporter, signal)
        return situation.ended
      }
      if (situation.kind === 'waiting') {
        const refused = pod ? null : refusalOf(await eventsOf(kube, names, signal))
        wait(refused?.kind === 'waiting' ? refused : situation)
      }
      await changed()
    }
  } finally {
    over.abort(new Error('the build has ended'))
    await pods.close()
  }
}

function hasStarted(pod: Pod | undefined): boolean {
  const { initContainerStatuses = [], containerStatuses = [] } = pod?.status ?? {}
  const build = [...initContainerStatuses, ...containerStatuses].find(({ name }) => name === buildContainer)
  return build?.state?.running !== undefined || build?.state?.terminated !== undefined
}

/** Shows the last lines of a failed container other than the build's own, whose output was followed. */
async function showLastLines(
  kube: Kube,
  { namespace }: Names,
  pod: Pod | undefined,
  { container, exitCode }: Ended,
  { note }: Reporter,
  signal: AbortSignal,
): Promise<void> {
  if (container === buildContainer || exitCode === 0 || container === '') return
  const ref = { namespace, pod: pod?.metadata?.name ?? '', container }
  // Lines that cannot be read are left out: the failure itself is known.
  for (const line of await lastLines(kube, ref, 10, signal).catch(() => [])) note(line)
}
