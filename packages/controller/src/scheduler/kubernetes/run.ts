// How does one command run to its end in a pod of its own?
import type { Kube } from '../../kube/client.ts'
import { KubeError } from '../../kube/error.ts'
import { type Pod, pathOf } from '../../kube/objects.ts'
import { watchAll, type Watched } from '../../kube/watch.ts'
import { DeployFailure } from '../port.ts'
import { platformAnnotation } from './labels.ts'
import { handOn, limited } from './run-output.ts'
import { createPod, untilStarted } from './run-start.ts'
import { type PodView, viewPod } from './run-view.ts'
import { containerOf } from './state.ts'

export type RunDeps = {
  readonly kube: Kube
  /** A watch that shows the pod; without it one is made for the time of the run. */
  readonly pods?: Watched<Pod>
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields: Readonly<Record<string, unknown>>) => void
}

export type RunLimits = {
  /** How long the command may run, from when it runs. */
  readonly timeoutSeconds: number
  /** How long it may take until it runs, pulling its image included. */
  readonly startSeconds?: number
}

/** Long enough to pull an image. */
const defaultStartSeconds = 600
/** The cluster's own limit, for the case that nobody of us is there any more, comes this much later. */
const marginSeconds = 60
/** Between TERM and KILL for a command that is cancelled. Zero would be to forget it, not to stop it. */
const stopSeconds = 2
/** What a busy node needs beyond that. */
const stopLagMs = 5_000
const removeMs = 20_000
/** What a watch may be behind. */
const lagMs = 1_000
/** For the end of the output of a command that has ended. */
const restMs = 60_000

const hasEnded = (pod: Pod | undefined): boolean =>
  containerOf(pod ?? {})?.state?.terminated !== undefined || /^(Succeeded|Failed)$/.test(pod?.status?.phase ?? '')

function timeoutError(seconds: number): Error {
  return Object.assign(new Error(`the command ran longer than ${seconds} s`), { name: 'TimeoutError' })
}

async function untilEnded(view: PodView, signal: AbortSignal): Promise<Pod> {
  for (;;) {
    const pod = view.get()
    if (pod && hasEnded(pod)) return pod
    if (view.isGone()) throw new Error('the pod of the command was deleted while it ran')
    await view.changed(removeMs, signal)
  }
}

/** How the command ended; why, when that was not its own doing. */
function exitOf(pod: Pod, seconds: number, say: (text: string) => void): number {
  const { reason, message = '' } = pod.status ?? {}
  if (reason === 'DeadlineExceeded') throw timeoutError(seconds)
  const ended = containerOf(pod)?.state?.terminated
  if (!ended || reason !== undefined)
    throw new Error(`the command was ended by the cluster: ${reason ?? pod.status?.phase} ${message}`.trim())
  const limit = pod.spec?.containers[0]?.resources?.limits?.memory
  if (ended.reason === 'OOMKilled')
    say(`\nThe command used more memory than its limit${limit ? ` (${limit})` : ''} and was killed (OOMKilled).\n`)
  return ended.exitCode
}

/** Whatever has happened: afterwards nobody sees the pod any more. Told, not thrown, when that cannot be. */
async function removePod({ kube, log }: RunDeps, view: PodView, path: string): Promise<void> {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(new Error(`${path} is still there after ${removeMs} ms`)), removeMs)
  const signal = late.signal
  const runs = (): boolean => containerOf(view.get() ?? {})?.state?.running !== undefined
  try {
    // An answer may have been lost on the way, or the watch be behind.
    if (!view.wasSeen()) await view.changed(lagMs, signal)
    if (runs()) {
      // The node tells when it has ended; the rest of its own tidying up takes longer than anybody wants to wait.
      await kube.remove(path, { graceSeconds: stopSeconds, signal })
      const patience = Date.now() + stopSeconds * 1000 + stopLagMs
      while (runs() && Date.now() < patience) await view.changed(patience - Date.now(), signal)
    }
    await kube.remove(path, { graceSeconds: 0, signal })
    while (view.get() !== undefined) await view.changed(removeMs, signal)
  } catch (error) {
    log('warn', 'the pod of a command could not be deleted', { path, err: error })
  } finally {
    clearTimeout(timer)
  }
}

async function follow(
  { kube }: RunDeps,
  view: PodView,
  { metadata, spec }: Pod,
  { timeoutSeconds }: RunLimits,
  io: { output(chunk: string): void; readonly signal: AbortSignal },
): Promise<number> {
  const over = new AbortController()
  const cancel = (): void => over.abort(io.signal.reason)
  let timer = setTimeout(() => over.abort(timeoutError(timeoutSeconds)), timeoutSeconds * 1000)
  io.signal.addEventListener('abort', cancel)
  const { bytes, end } = limited((chunk) => io.output(chunk))
  const ended = untilEnded(view, over.signal)
  const output = handOn(
    {
      kube,
      path: pathOf('v1/Pod', metadata?.namespace, metadata?.name, 'log'),
      container: spec?.containers[0]?.name ?? '',
      ended: () => hasEnded(view.get()),
      end: ended.catch(() => {}),
      signal: over.signal,
    },
    bytes,
  )
  try {
    io.signal.throwIfAborted()
    const pod = await ended
    clearTimeout(timer)
    timer = setTimeout(() => over.abort(), restMs)
    await output
    io.signal.throwIfAborted()
    end()
    if (over.signal.aborted) io.output('\nThe end of the output did not come in time.\n')
    return exitOf(pod, timeoutSeconds, (text) => io.output(text))
  } finally {
    clearTimeout(timer)
    io.signal.removeEventListener('abort', cancel)
    over.abort()
    await output
    end()
  }
}

/**
 * Makes the pod, hands on what it says, and takes it away again whatever happens.
 * @param manifest with name, namespace and one container; `restartPolicy` and `activeDeadlineSeconds` are set here.
 * @returns the exit code; a signal N gives 128+N.
 * @throws DeployFailure when it cannot start; the signal's reason; an error named TimeoutError when it runs too long.
 */
export async function runOneOff(
  deps: RunDeps,
  manifest: Pod,
  limits: RunLimits,
  io: { output(chunk: string): void; readonly signal: AbortSignal },
): Promise<number> {
  const { kube } = deps
  const { name = '', namespace = '' } = manifest.metadata ?? {}
  if (name === '' || namespace === '' || !manifest.spec)
    throw new Error('the pod of a command needs name, namespace and spec')
  const startSeconds = limits.startSeconds ?? defaultStartSeconds
  const activeDeadlineSeconds = Math.ceil(limits.timeoutSeconds + startSeconds) + marginSeconds
  const pod: Pod = {
    ...manifest,
    apiVersion: 'v1',
    kind: 'Pod',
    spec: { ...manifest.spec, restartPolicy: 'Never', activeDeadlineSeconds },
  }
  io.signal.throwIfAborted()
  const own = deps.pods
    ? null
    : await watchAll<Pod>(kube, pathOf('v1/Pod', namespace), {
        query: { fieldSelector: `metadata.name=${name}` },
        trouble: (error) => deps.log('warn', 'the watch of a command was interrupted', { pod: name, err: error }),
      })
  const view = viewPod(own ?? (deps.pods as Watched<Pod>), namespace, name)
  let refused = false
  try {
    await createPod(kube, pod, io.signal).catch((error: unknown) => {
      refused = error instanceof KubeError || error instanceof DeployFailure
      throw error
    })
    await untilStarted(kube, view, startSeconds, io.signal)
    return await follow(deps, view, pod, limits, io)
  } finally {
    // A pod of that name is somebody else's then.
    if (!refused) await removePod(deps, view, pathOf('v1/Pod', namespace, name))
    view.close()
    await own?.close()
  }
}

/** On pods of type `run`, as an annotation or label: the controller that waits for their end. */
export const controllerAnnotation = 'deis.io/controller'

/** Deletes the one-off pods of controllers that live no more. @returns how many. */
export async function cleanOneOffs(deps: {
  readonly kube: Kube
  readonly platform: string
  readonly alive: (controller: string) => Promise<boolean>
}): Promise<number> {
  const { kube, platform, alive } = deps
  const { items } = await kube.list<Pod>(pathOf('v1/Pod'), { query: { labelSelector: 'heritage=deis,type=run' } })
  const known = new Map<string, boolean>()
  let count = 0
  for (const { metadata } of items) {
    const controller = metadata?.annotations?.[controllerAnnotation] ?? metadata?.labels?.[controllerAnnotation]
    if (controller === undefined || metadata?.annotations?.[platformAnnotation] !== platform) continue
    const lives = known.get(controller) ?? (await alive(controller))
    known.set(controller, lives)
    if (lives) continue
    await kube.remove(pathOf('v1/Pod', metadata?.namespace, metadata?.name), { graceSeconds: stopSeconds })
    count++
  }
  return count
}
