// What becomes of one pod, seen through a watch?
import type { Pod } from '../../kube/objects.ts'
import type { Watched } from '../../kube/watch.ts'

export type PodView = {
  /** Undefined: not seen yet, or gone. */
  get(): Pod | undefined
  wasSeen(): boolean
  isGone(): boolean
  /** Resolves with its next change, or after `ms`. @throws the signal's reason. */
  changed(ms: number, signal: AbortSignal): Promise<void>
  close(): void
}

/** To be opened before the pod is made, so that not even the shortest life is missed. */
export function viewPod(pods: Watched<Pod>, namespace: string, name: string): PodView {
  const waiting = new Set<() => void>()
  let wasSeen = false
  let isGone = false
  const stop = pods.onChange(({ metadata }, gone) => {
    if (metadata?.namespace !== namespace || metadata.name !== name) return
    wasSeen = true
    isGone = gone
    for (const wake of waiting) wake()
  })
  return {
    get: () => pods.get(namespace, name),
    wasSeen: () => wasSeen,
    isGone: () => isGone,
    async changed(ms, signal) {
      signal.throwIfAborted()
      let wake = (): void => {}
      const change = new Promise<void>((resolve) => {
        wake = resolve
      })
      const timer = setTimeout(wake, ms)
      waiting.add(wake)
      signal.addEventListener('abort', wake)
      await change
      clearTimeout(timer)
      waiting.delete(wake)
      signal.removeEventListener('abort', wake)
      signal.throwIfAborted()
    },
    close: stop,
  }
}
