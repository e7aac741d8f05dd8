// How is one pod observed through a watch?
import type { Pod } from '../../client/objects.ts'
import type { Watched } from '../../client/watch.ts'
import { createNotifier } from '@deis/lib/wait'

export type PodView = {
  /** Undefined: not seen yet, or gone. */
  get(): Pod | undefined
  wasSeen(): boolean
  isGone(): boolean
  /** Resolves with its next change, or after `ms`. @throws the signal's reason. */
  changed(ms: number, signal: AbortSignal): Promise<void>
  close(): void
}

/** To be opened before the pod is created, so that even the shortest one is seen. */
export function viewPod(pods: Watched<Pod>, namespace: string, name: string): PodView {
  const notifier = createNotifier()
  let wasSeen = false
  let isGone = false
  const stop = pods.onChange(({ metadata }, gone) => {
    if (metadata?.namespace !== namespace || metadata.name !== name) return
    wasSeen = true
    isGone = gone
    notifier.notify()
  })
  return {
    get: () => pods.get(namespace, name),
    wasSeen: () => wasSeen,
    isGone: () => isGone,
    async changed(ms, signal) {
      signal.throwIfAborted()
      await notifier.wait(ms, signal)
      signal.throwIfAborted()
    },
    close: stop,
  }
}
