// How does one command run to its end in a pod of its own?
import type { Kube } from '../../client/client.ts'
import { KubeError } from '../../client/error.ts'
import { type Pod, pathOf } from '../../client/objects.ts'
import { watchAll, type Watched } from '../../client/watch.ts'
import { followOutput } from '../../cluster/container-output.ts'
import { controllerKey, heritageSelector } from '../../cluster/labels.ts'
import { limited } from '@deis/ports/limited'
import { DeployFailure } from '@deis/ports/scheduler'
import { platformAnnotation } from '../manifests/labels.ts'
import {
  exitOf,
  hasEnded,
  refuseDeleted,
  removePod,
  type RunDeps,
  stopSeconds,
  timeoutError,
  untilEnded,
} from './end.ts'
import { lingering } from './linger.ts'
import { createPod, untilStarted } from './start.ts'
import { type PodView, viewPod } from './view.ts'
import { createEndMarkerFilter, killedCode, newEndMarker } from '@deis/container/end-marker'

export type RunLimits = {
  /** How long the command may run, from when it runs. */
  readonly timeoutSeconds: number
  /** How long it may take until it runs, pulling its image included. */
  readonly startSeconds?: number
}

/** Long enough to pull an image. */
const defaultStartSeconds = 600
/** How much later the cluster's own limit comes, for the case that no controller is left. */
const marginSeconds = 60
/** For the end of the output of a command that has ended. */
const restMs = 60_000

async function follow(
  { kube }: RunDeps,
  view: PodView,
  { metadata, spec }: Pod,
  { timeoutSeconds }: RunLimits,
  endMarker: string,
  io: { output(chunk: string): void; readonly signal: AbortSignal },
): Promise<number> {
  const over = new AbortController()
  const cancel = (): void => over.abort(io.signal.reason)
  let timer = setTimeout(() => over.abort(timeoutError(timeoutSeconds)), timeoutSeconds * 1000)
  io.signal.addEventListener('abort', cancel)
  const { bytes, end } = limited((chunk) => io.output(chunk))
  const filter = createEndMarkerFilter(endMarker)
  const path = pathOf('v1/Pod', metadata?.namespace, metadata?.name)
  const ended = untilEnded(view, over.signal)
  const output = followOutput(
    {
      kube,
      path: `${path}/log`,
      container: spec?.containers[0]?.name ?? '',
      ended: () => hasEnded(view.get()),
      end: ended.catch(() => {}),
      signal: over.signal,
    },
    (chunk) => bytes(filter.feed(chunk)) && filter.code() === null,
  )
  try {
    io.signal.throwIfAborted()
    await Promise.race([ended, output.then<unknown>(() => filter.code() ?? ended)])
    const code = filter.code()
    if (code !== null) await refuseDeleted(kube, path, code, over.signal)
    if (code !== null && code !== killedCode) return code
    const pod = await ended
    clearTimeout(timer)
    timer = setTimeout(() => over.abort(), restMs)
    await output
    io.signal.throwIfAborted()
    bytes(filter.release())
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
 * Creates the pod, does the work with it as soon as its command runs, and deletes it in any case. The work ends when the
 * command has ended.
 * @param manifest with name, namespace and one container; `restartPolicy` and `activeDeadlineSeconds` are set here.
 * @throws DeployFailure when it cannot start; the signal's reason.
 */
export async function withPod<T>(
  deps: RunDeps,
  manifest: Pod,
  limits: RunLimits,
  signal: AbortSignal,
  work: (view: PodView, pod: Pod) => Promise<T>,
): Promise<T> {
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
  signal.throwIfAborted()
  const own = deps.pods
    ? null
    : await watchAll<Pod>(kube, pathOf('v1/Pod', namespace), {
        query: { fieldSelector: `metadata.name=${name}` },
        trouble: (error) => deps.log('warn', 'the watch of a command was interrupted', { pod: name, err: error }),
      })
  const view = viewPod(own ?? (deps.pods as Watched<Pod>), namespace, name)
  let refused = false
  let isIdle = false
  try {
    await createPod(kube, pod, signal).catch((error: unknown) => {
      refused = error instanceof KubeError || error instanceof DeployFailure
      throw error
    })
    await untilStarted(kube, view, startSeconds, signal)
    const result = await work(view, pod)
    isIdle = true
    const last = view.get()
    if (last) await deps.catchUpLogs?.(last)
    return result
  } finally {
    // After a refusal a pod of that name is not ours.
    if (!refused) await removePod(deps, view, pathOf('v1/Pod', namespace, name), isIdle)
    view.close()
    await own?.close()
  }
}

/**
 * Runs the command of the pod to its end and passes on its output.
 * @returns the exit code; a signal N gives 128+N.
 * @throws like `withPod`; an error named TimeoutError when it runs too long.
 */
export function runOneOff(
  deps: RunDeps,
  manifest: Pod,
  limits: RunLimits,
  io: { output(chunk: string): void; readonly signal: AbortSignal },
): Promise<number> {
  const endMarker = newEndMarker()
  return withPod(deps, lingering(manifest, endMarker), limits, io.signal, (view, pod) =>
    follow(deps, view, pod, limits, endMarker, io),
  )
}

/** Deletes the one-off pods of controllers that are no longer alive. @returns how many. */
export async function cleanOneOffs(deps: {
  readonly kube: Kube
  readonly platform: string
  readonly alive: (controller: string) => Promise<boolean>
}): Promise<number> {
  const { kube, platform, alive } = deps
  const { items } = await kube.list<Pod>(pathOf('v1/Pod'), { query: { labelSelector: `${heritageSelector},type=run` } })
  const known = new Map<string, boolean>()
  let count = 0
  for (const { metadata } of items) {
    const controller = metadata?.annotations?.[controllerKey] ?? metadata?.labels?.[controllerKey]
    if (controller === undefined || metadata?.annotations?.[platformAnnotation] !== platform) continue
    const lives = known.get(controller) ?? (await alive(controller))
    known.set(controller, lives)
    if (lives) continue
    await kube.remove(pathOf('v1/Pod', metadata?.namespace, metadata?.name), { graceSeconds: stopSeconds })
    count++
  }
  return count
}
