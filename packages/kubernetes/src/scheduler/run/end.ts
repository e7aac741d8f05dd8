// How did a command in a pod of its own end, and how is that pod deleted?
import type { Kube } from '../../client/client.ts'
import type { Pod } from '../../client/objects.ts'
import type { Watched } from '../../client/watch.ts'
import { containerOf, isOutOfMemory } from '../../cluster/containers.ts'
import type { PodView } from './view.ts'

export type RunDeps = {
  readonly kube: Kube
  /** A watch that shows the pod; without it one is opened for the time of the run. */
  readonly pods?: Watched<Pod>
  /** Stores the pod's output in the log of its app, before the pod is deleted. */
  readonly catchUpLogs?: (pod: Pod) => Promise<void>
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields: Readonly<Record<string, unknown>>) => void
}

/** Between TERM and KILL for a command that is cancelled. With 0 the API server forgets the pod and does not stop it. */
export const stopSeconds = 2
/** How much more a busy node needs. */
const stopLagMs = 5_000
const removeMs = 20_000
/** How far a watch may be behind. */
const watchLagMs = 1_000
/** How much later than the end of its output the end of a pod may come: half a minute on Kubernetes 1.20 under load. */
export const endLagMs = 30_000

export const hasEnded = (pod: Pod | undefined): boolean =>
  containerOf(pod ?? {})?.state?.terminated !== undefined || /^(Succeeded|Failed)$/.test(pod?.status?.phase ?? '')

export function timeoutError(seconds: number): Error {
  return Object.assign(new Error(`the command ran longer than ${seconds} s`), { name: 'TimeoutError' })
}

export const deletedError = (): Error => new Error('the pod of the command was deleted while it ran')

/** @throws when the code is that of a signal, and the pod was deleted. */
export async function refuseDeleted(kube: Kube, path: string, code: number, signal: AbortSignal): Promise<void> {
  if (code <= 128) return
  const pod = await kube.find<Pod>(path, { signal })
  if (!pod || pod.metadata?.deletionTimestamp !== undefined) throw deletedError()
}

export async function untilEnded(view: PodView, signal: AbortSignal): Promise<Pod> {
  for (;;) {
    const pod = view.get()
    if (pod && hasEnded(pod)) return pod
    if (view.isGone()) throw deletedError()
    await view.changed(removeMs, signal)
  }
}

/** The command's exit code. Prints the reason when it was killed for its memory. @throws when the cluster ended it. */
export function exitOf(pod: Pod, seconds: number, print: (text: string) => void): number {
  const { reason, message = '' } = pod.status ?? {}
  if (reason === 'DeadlineExceeded') throw timeoutError(seconds)
  const ended = containerOf(pod)?.state?.terminated
  if (!ended || reason !== undefined)
    throw new Error(`the command was ended by the cluster: ${reason ?? pod.status?.phase} ${message}`.trim())
  const limit = pod.spec?.containers[0]?.resources?.limits?.memory
  if (isOutOfMemory(ended))
    print(`\nThe command used more memory than its limit${limit ? ` (${limit})` : ''} and was killed (OOMKilled).\n`)
  return ended.exitCode
}

/**
 * Deletes the pod and waits until the watch no longer shows it. A failure is logged, not thrown.
 * @param isIdle its command has ended, so there is no need to wait until the node has stopped the rest.
 */
export async function removePod({ kube, log }: RunDeps, view: PodView, path: string, isIdle: boolean): Promise<void> {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(new Error(`${path} is still there after ${removeMs} ms`)), removeMs)
  const signal = late.signal
  const runs = (): boolean => !isIdle && containerOf(view.get() ?? {})?.state?.running !== undefined
  try {
    // The answer to its creation may have been lost, or the watch may be behind.
    if (!view.wasSeen()) await view.changed(watchLagMs, signal)
    if (runs()) {
      // Waits until the node reports its end, but not for the node's own clean-up, which takes longer.
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
