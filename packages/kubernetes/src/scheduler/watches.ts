// What runs in the cluster now, and how do callers wait for a change?
import type { Kube } from '../client/client.ts'
import { type Deployment, pathOf, type Pod, type ReplicaSet, type Service } from '../client/objects.ts'
import { type Watched, watchAll } from '../client/watch.ts'
import { heritageSelector } from '../cluster/labels.ts'
import { revisionAnnotation } from './manifests/labels.ts'

export type Cluster = {
  readonly pods: Watched<Pod>
  readonly deployments: Watched<Deployment>
  readonly replicaSets: Watched<ReplicaSet>
  readonly services: Watched<Service>
  /**
   * Looks at once, after each change in the app's namespace, and every second, until there is an answer.
   * @throws the signal's reason.
   */
  until<T>(app: string, look: () => T | undefined, signal: AbortSignal): Promise<T>
  /** Calls back with the namespace of each changed object. */
  onChange(listener: (app: string) => void): () => void
  close(): Promise<void>
}

const lookMs = 1000

/** One watch of each kind over the whole cluster. */
export async function openCluster(kube: Kube, trouble: (error: unknown) => void): Promise<Cluster> {
  const watch = <T extends object>(kind: string): Promise<Watched<T>> =>
    watchAll<T>(kube, pathOf(kind), { query: { labelSelector: heritageSelector }, trouble })
  const opening = [
    watch<Pod>('v1/Pod'),
    watch<Deployment>('apps/v1/Deployment'),
    watch<ReplicaSet>('apps/v1/ReplicaSet'),
    watch<Service>('v1/Service'),
  ] as const
  const opened = await Promise.allSettled(opening)
  const close = async (): Promise<void> => {
    await Promise.all(opened.map(async (one) => (one.status === 'fulfilled' ? one.value.close() : undefined)))
  }
  const failed = opened.find((one) => one.status === 'rejected')
  if (failed) {
    await close()
    throw failed.reason
  }
  const [pods, deployments, replicaSets, services] = await Promise.all(opening)
  const listeners = new Set<(app: string) => void>()
  const notify = (object: { readonly metadata?: { readonly namespace?: string } }): void => {
    for (const listener of listeners) listener(object.metadata?.namespace ?? '')
  }
  pods.onChange(notify)
  deployments.onChange(notify)
  replicaSets.onChange(notify)
  services.onChange(notify)
  const onChange = (listener: (app: string) => void): (() => void) => {
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }

  return {
    pods,
    deployments,
    replicaSets,
    services,
    onChange,
    until(app, look, signal) {
      return new Promise((resolve, reject) => {
        const end = (settle: () => void): void => {
          clearInterval(timer)
          stop()
          signal.removeEventListener('abort', abort)
          settle()
        }
        const abort = (): void => end(() => reject(signal.reason as Error))
        const check = (): void => {
          try {
            const found = look()
            if (found !== undefined) end(() => resolve(found))
          } catch (error) {
            end(() => reject(error))
          }
        }
        const timer = setInterval(check, lookMs)
        const stop = onChange((changed) => {
          if (changed === app) check()
        })
        signal.addEventListener('abort', abort, { once: true })
        if (signal.aborted) abort()
        else check()
      })
    },
    close,
  }
}

export function replicaSetsOf(cluster: Cluster, deployment: Deployment): ReplicaSet[] {
  const uid = deployment.metadata?.uid
  return cluster.replicaSets
    .of(deployment.metadata?.namespace ?? '')
    .filter((one) => one.metadata?.ownerReferences?.some((owner) => owner.uid === uid))
}

/** The ReplicaSet of the Deployment's present template, as soon as the watch has shown it. */
export function currentReplicaSet(cluster: Cluster, deployment: Deployment): ReplicaSet | undefined {
  const revision = deployment.metadata?.annotations?.[revisionAnnotation]
  return replicaSetsOf(cluster, deployment).find(
    (one) => revision !== undefined && one.metadata?.annotations?.[revisionAnnotation] === revision,
  )
}
