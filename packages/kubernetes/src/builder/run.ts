// How does one Job run to its end, with its output and all that delays it shown?
import { setTimeout as sleep } from 'node:timers/promises'
import type { Kube } from '../client/client.ts'
import { KubeError } from '../client/error.ts'
import { type Job, pathOf, type Pod } from '../client/objects.ts'
import { watchAll } from '../client/watch.ts'
import { statusesOf } from '../cluster/containers.ts'
import { followOutput } from '../cluster/container-output.ts'
import { eventsOf } from '../cluster/events.ts'
import { readLastLines } from '../cluster/last-lines.ts'
import { splitLines } from '@deis/buildpacks/text'
import { createNotifier } from '@deis/lib/wait'
import { BuildFailure } from '@deis/ports/builder'
import { buildLabel } from './names.ts'
import type { Settings } from './options.ts'
import { buildContainer } from './pod.ts'
import { type Ended, pullErrorOf, refusalOf, type Situation, situationOf } from './situation.ts'

export type Reporter = {
  /** Shows a line of the build's own output. */
  readonly line: (line: string) => void
  /** Shows a line of the platform: why the build waits, why it failed. */
  readonly note: (text: string) => void
}

/** A container whose output is followed; that of others is shown only if they fail. */
export type Followed = {
  readonly container: string
  readonly line: (line: string) => void
}

/** How long an obstacle that may pass, such as a registry that restarts, may last. */
const passingMs = 30_000
const quietMs = 1000
const tickMs = 1000
/** How long a log may outlast its container. */
const logEndMs = 10_000

async function create(kube: Kube, job: Job, signal: AbortSignal): Promise<Job> {
  try {
    return await kube.create<Job>(pathOf('batch/v1/Job', job.metadata?.namespace), job, { signal })
  } catch (error) {
    if (!(error instanceof KubeError) || error.status < 400 || error.status >= 500) throw error
    throw new BuildFailure(`The cluster refused the build: ${error.message}`)
  }
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
 * Creates the Job and follows it, its containers in their order. The caller deletes the Job in any case.
 * @throws BuildFailure when it cannot start; the signal's reason.
 */
export async function runJob(
  settings: Settings,
  job: Job,
  reporter: Reporter,
  signal: AbortSignal,
  followed: readonly Followed[] = [{ container: buildContainer, line: reporter.line }],
): Promise<Ended> {
  const { kube, log } = settings
  const namespace = job.metadata?.namespace ?? ''
  const build = job.metadata?.labels?.[buildLabel] ?? ''
  const over = new AbortController()
  const either = AbortSignal.any([signal, over.signal])
  const created = await create(kube, job, signal)
  const pods = await watchAll<Pod>(kube, pathOf('v1/Pod', namespace), {
    query: { labelSelector: `${buildLabel}=${build}` },
    trouble: (error) => log('warn', 'a watch of a build was interrupted', { build, error }),
  })
  const changes = createNotifier()
  let lost = false
  let lastPull: string | null = null
  pods.onChange((pod, gone) => {
    lost ||= gone
    lastPull = pullErrorOf(pod) ?? lastPull
    changes.notify()
  })
  const now = (): Situation => situationOf(pods.all()[0], lastPull)
  const isOver = (): boolean => lost || now().kind === 'ended'
  const wait = createWait(settings, reporter)
  const stateOf = (container: string) => statusesOf(pods.all()[0]).find(({ name }) => name === container)?.state
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds() && !either.aborted) await changes.wait(tickMs, either)
  }
  const cutOff = (error: unknown): void => log('warn', 'the log of a build was cut off', { build, error })
  const follow = async ({ container, line }: Followed): Promise<void> => {
    const hasEnded = (): boolean => lost || stateOf(container)?.terminated !== undefined
    const hasBegun = (): boolean => hasEnded() || stateOf(container)?.running !== undefined
    await until(() => hasBegun() || isOver())
    if (!hasBegun() || lost || either.aborted) return
    const ended = (): boolean => hasEnded() || isOver()
    const lines = splitLines(line)
    const path = pathOf('v1/Pod', namespace, pods.all()[0]?.metadata?.name, 'log')
    await followOutput({ kube, path, container, ended, end: until(ended), signal: either }, (chunk) => {
      lines.write(chunk)
      return true
    })
    if (!either.aborted) lines.end()
  }
  const followAll = async (): Promise<void> => {
    for (const one of followed) await follow(one).catch(cutOff)
  }
  const following = followAll()
  try {
    for (;;) {
      signal.throwIfAborted()
      const pod = pods.all()[0]
      if (lost || pod?.metadata?.deletionTimestamp !== undefined)
        throw new BuildFailure('The pod of the build was deleted from outside, or its node is gone.')
      const situation = now()
      if (situation.kind === 'ended') {
        await Promise.race([following, sleep(logEndMs, undefined, { signal, ref: false })])
        const isFollowed = followed.some(({ container }) => container === situation.ended.container)
        if (!isFollowed) await showLastLines(kube, pod, situation.ended, reporter)
        return situation.ended
      }
      if (situation.kind === 'waiting') {
        const refused = pod ? null : refusalOf(await eventsOf(kube, created, signal))
        wait(refused?.kind === 'waiting' ? refused : situation)
      }
      await changes.wait(tickMs, signal)
    }
  } finally {
    over.abort(new Error('the build has ended'))
    await pods.close()
  }
}

/** Shows the last lines of a failed container whose output was not followed. */
async function showLastLines(
  kube: Kube,
  pod: Pod | undefined,
  { container, exitCode }: Ended,
  { note }: Reporter,
): Promise<void> {
  if (exitCode === 0 || container === '') return
  const { namespace = '', name = '' } = pod?.metadata ?? {}
  const which = { namespace, pod: name, container, lines: 10, previous: false }
  // Lines that cannot be read are left out: the failure itself is known.
  for (const line of await readLastLines(kube, which).catch(() => [])) note(line)
}
