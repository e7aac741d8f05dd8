// How is a Job deleted, so that nothing of it runs afterwards?
import { setTimeout as sleep } from 'node:timers/promises'
import type { Kube } from '../client/client.ts'
import { type Job, pathOf, type Pod } from '../client/objects.ts'
import { statusesOf } from '../cluster/containers.ts'
import { buildLabel } from './names.ts'

export type JobRef = { readonly namespace: string; readonly name: string; readonly build: string }

const removeMs = 60_000
const retryMs = 200

/** Whether the pod is being deleted and none of its containers runs. */
function hasStopped(pod: Pod): boolean {
  const running = statusesOf(pod).some(({ state }) => state?.running)
  return pod.metadata?.deletionTimestamp !== undefined && !running
}

/** Resolves when the Job and its pods are gone, or if there were none. */
export async function removeJob(kube: Kube, { namespace, name, build }: JobRef): Promise<void> {
  const path = pathOf('batch/v1/Job', namespace, name)
  // In the foreground: the Job creates no more pods, and goes after the last of them.
  await kube.remove(path, { background: false })
  const deadline = Date.now() + removeMs
  for (;;) {
    const query = { labelSelector: `${buildLabel}=${build}` }
    const { items } = await kube.list<Pod>(pathOf('v1/Pod', namespace), { query })
    if (items.length === 0 && !(await kube.find<Job>(path))) return
    for (const pod of items) {
      const own = pathOf('v1/Pod', namespace, pod.metadata?.name)
      // Does not wait for the node, which may take long to remove a pod whose containers have ended.
      if (hasStopped(pod)) await kube.remove(own, { graceSeconds: 0 })
      else if (pod.metadata?.deletionTimestamp === undefined) await kube.remove(own, { graceSeconds: 1 })
    }
    if (Date.now() > deadline) throw new Error(`the Job "${name}" still exists ${removeMs / 1000} s after its deletion`)
    await sleep(retryMs)
  }
}
