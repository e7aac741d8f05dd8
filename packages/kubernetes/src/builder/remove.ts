// How is a Job deleted so that nothing of it runs any more when that is said?
import { setTimeout as sleep } from 'node:timers/promises'
import type { Kube } from '../client/client.ts'
import { type Job, pathOf, type Pod } from '../client/objects.ts'
import { buildLabel } from './names.ts'

export type JobPlace = { readonly namespace: string; readonly name: string; readonly build: string }

const removeMs = 60_000
const pauseMs = 200

/** Being deleted, and nothing of it runs. */
function hasStopped({ metadata, status }: Pod): boolean {
  const { initContainerStatuses = [], containerStatuses = [] } = status ?? {}
  const running = [...initContainerStatuses, ...containerStatuses].some(({ state }) => state?.running)
  return metadata?.deletionTimestamp !== undefined && !running
}

/** Resolves when Job and pods are gone; nothing there is fine. */
export async function removeJob(kube: Kube, { namespace, name, build }: JobPlace): Promise<void> {
  const path = pathOf('batch/v1/Job', namespace, name)
  // In the foreground: from now on the Job makes no pods, and it goes after the last of them.
  await kube.remove(path, { background: false })
  const deadline = Date.now() + removeMs
  for (;;) {
    const query = { labelSelector: `${buildLabel}=${build}` }
    const { items } = await kube.list<Pod>(pathOf('v1/Pod', namespace), { query })
    if (items.length === 0 && !(await kube.find<Job>(path))) return
    for (const pod of items) {
      const own = pathOf('v1/Pod', namespace, pod.metadata?.name)
      // A node may take long to let go of a pod whose containers have ended; nobody has to wait for that.
      if (hasStopped(pod)) await kube.remove(own, { graceSeconds: 0 })
      else if (pod.metadata?.deletionTimestamp === undefined) await kube.remove(own, { graceSeconds: 1 })
    }
    if (Date.now() > deadline) throw new Error(`the Job ${name} is still there ${removeMs / 1000} s after its deletion`)
    await sleep(pauseMs)
  }
}
