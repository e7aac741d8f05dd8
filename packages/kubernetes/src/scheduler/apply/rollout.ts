// When are a type's new pods up, and when is it certain that they will not come up?
import type { Deployment, Pod, ReplicaSet } from '../../client/objects.ts'
import type { Progress } from '@deis/ports/scheduler'
import { type Backend, nameOf, ownerOf } from '../backend.ts'
import { currentReplicaSet } from '../watches.ts'
import { creationTrouble, lateTrouble, podTrouble, type Trouble } from '../diagnose.ts'
import { failureOf, isPulling } from '../evidence.ts'
import { deploymentName } from '../manifests/labels.ts'
import { isActive, isReady, isUp } from '../state.ts'

export type Goal = {
  readonly app: string
  readonly type: string
  /** Null: the Deployment's number, which an autoscaler may change. */
  readonly replicas: number | null
  /** Of the Deployment, after the change. */
  readonly generation: number
  /** Pods (uid) that were up before: if one of them fails now, the others do not wait for it. */
  readonly known: ReadonlySet<string>
  readonly seconds: number
  readonly port: number | null
}

/** A long pull gets this on top, once (docs/contract/api.md §4.8). */
const pullSeconds = 600

type View = {
  readonly deployment: Deployment
  readonly replicaSet: ReplicaSet
  readonly wanted: number
  readonly pods: readonly Pod[]
  readonly fresh: readonly Pod[]
}

/** Undefined until the Deployment controller has seen the change and the watches show its result. */
function viewOf({ cluster }: Backend, { app, type, replicas, generation, known }: Goal): View | undefined {
  const deployment = cluster.deployments.get(app, deploymentName(app, type))
  const there = deployment?.metadata?.generation ?? 0
  if (!deployment || there < generation || (deployment.status?.observedGeneration ?? 0) < there) return undefined
  const replicaSet = currentReplicaSet(cluster, deployment)
  if (!replicaSet) return undefined
  const pods = cluster.pods.of(app).filter((pod) => ownerOf(pod) === replicaSet.metadata?.uid && isActive(pod))
  const fresh = pods.filter((pod) => !known.has(pod.metadata?.uid ?? ''))
  return { deployment, replicaSet, wanted: replicas ?? deployment.spec?.replicas ?? 0, pods, fresh }
}

/** Whether all pods exist, the new ones are ready, and all of earlier templates are gone or ending. */
function isComplete({ deployment, wanted, pods, fresh }: View, now: number): boolean {
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = deployment.status ?? {}
  const ailing = pods.filter((pod) => !fresh.includes(pod) && !isReady(pod)).length
  return (
    replicas === wanted &&
    updatedReplicas === wanted &&
    pods.length === wanted &&
    fresh.every((pod) => isUp(pod, now)) &&
    availableReplicas + ailing >= wanted
  )
}

/** The first trouble that has lasted long enough. */
function createPatience(now: () => number) {
  const since = new Map<string, number>()
  return (troubles: readonly Trouble[]): Trouble | undefined => {
    const present = new Set(troubles.map((one) => one.cause))
    for (const cause of since.keys()) if (!present.has(cause)) since.delete(cause)
    return troubles.find(({ cause, patience }) => {
      const first = since.get(cause) ?? now()
      since.set(cause, first)
      return patience !== null && now() - first >= patience * 1000
    })
  }
}

function troublesOf({ cluster }: Backend, { app, type }: Goal, { replicaSet, wanted, pods, fresh }: View): Trouble[] {
  const going = cluster.pods.of(app).some((pod) => pod.metadata?.deletionTimestamp !== undefined)
  const creation = pods.length < wanted ? creationTrouble(type, replicaSet, going) : null
  const ill = fresh.filter((pod) => !isUp(pod, Date.now())).map((pod) => podTrouble(type, pod))
  return [creation, ...ill].filter((one) => one !== null)
}

/** @throws DeployFailure; the signal's reason. */
export async function awaitType(backend: Backend, goal: Goal, signal: AbortSignal, progress: Progress): Promise<void> {
  const started = Date.now()
  const outlasted = createPatience(Date.now)
  let deadline = started + goal.seconds * 1000
  let extended = false
  const look = (): 'ready' | 'late' | Trouble | undefined => {
    const view = viewOf(backend, goal)
    if (view && isComplete(view, Date.now())) return 'ready'
    const trouble = view && outlasted(troublesOf(backend, goal, view))
    return trouble ?? (Date.now() >= deadline ? 'late' : undefined)
  }
  for (;;) {
    const outcome = await backend.cluster.until(goal.app, look, signal)
    if (outcome === 'ready') break
    if (outcome !== 'late') throw await failureOf(backend, outcome)
    const view = viewOf(backend, goal)
    const unready = view?.fresh.filter((pod) => !isReady(pod)) ?? []
    if (!extended && (await Promise.all(unready.map((pod) => isPulling(backend, pod, signal)))).includes(true)) {
      extended = true
      deadline = Date.now() + pullSeconds * 1000
      progress(`adding ${pullSeconds}s on to the original ${goal.seconds}s timeout to account for image pulling`)
      continue
    }
    // A trouble whose patience is not over explains more than the time limit.
    const trouble = view && troublesOf(backend, goal, view)[0]
    throw await failureOf(backend, trouble ?? lateTrouble(goal.type, goal.seconds, goal.port, unready[0] ?? null))
  }
  const seconds = Math.round((Date.now() - started) / 1000)
  const count = goal.replicas ?? backend.cluster.deployments.get(goal.app, nameOfGoal(goal))?.spec?.replicas ?? 0
  progress(`waited ${seconds}s and ${count} pods are in service`)
}

const nameOfGoal = ({ app, type }: Goal): string => deploymentName(app, type)

/** Whether all pods of the present template have been up once: since then, only their number may have changed. */
export function hasBeenUp(deployment: Deployment): boolean {
  const progressing = deployment.status?.conditions?.find((one) => one.type === 'Progressing')
  return (
    progressing?.reason === 'NewReplicaSetAvailable' &&
    deployment.status?.observedGeneration === deployment.metadata?.generation
  )
}

/** Pods of the present template, by uid. */
export function podsOfTemplate({ cluster }: Backend, deployment: Deployment): Set<string> {
  const replicaSet = currentReplicaSet(cluster, deployment)
  const pods = cluster.pods
    .of(deployment.metadata?.namespace ?? '')
    .filter((pod) => replicaSet !== undefined && ownerOf(pod) === replicaSet.metadata?.uid)
  return new Set(pods.map((pod) => pod.metadata?.uid ?? nameOf(pod)))
}
