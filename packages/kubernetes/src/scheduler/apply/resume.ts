// How does an app run again what it ran before, when nodes or the platform were restarted? Its Deployments see to it.
import { within } from '@deis/lib/within'
import type { Formation } from '@deis/ports/scheduler'
import { settleSeconds, type Unready } from '@deis/ports/resume'
import type { Pod } from '../../client/objects.ts'
import { type Backend, nameOf, ownerOf } from '../backend.ts'
import { creationTrouble, lateTrouble, podTrouble } from '../diagnose.ts'
import { deploymentName, releaseOf } from '../manifests/labels.ts'
import { pointService } from '../namespace.ts'
import { isActive, isUp } from '../state.ts'
import { currentReplicaSet } from '../watches.ts'
import { applyFormation, prepare, refusal } from './apply.ts'
import { change, make, scaleTo, type Step, wantedOf } from './steps.ts'

/** Returns the generation of its Deployment. */
async function bringUp(backend: Backend, step: Step, signal: AbortSignal): Promise<number> {
  const live = step.before.deployment
  const had = live?.spec?.replicas ?? 0
  const replicas = wantedOf(step, had)
  const now = live ? await change(backend, step, live, signal) : await make(backend, step, replicas, signal)
  const scaled = live && replicas > had ? await scaleTo(backend, step, replicas, signal) : now
  return scaled.metadata?.generation ?? 0
}

type Goal = { readonly formation: Formation; readonly type: string; readonly generation: number }

/** Undefined: its Deployment has not made its pods yet. */
function unreadyOf(backend: Backend, { formation, type, generation }: Goal): Unready[] | undefined {
  const { cluster } = backend
  const { app, port } = formation
  const name = deploymentName(app, type)
  const deployment = cluster.deployments.get(app, name)
  if (!deployment || (deployment.status?.observedGeneration ?? 0) < generation) return undefined
  const replicaSet = currentReplicaSet(cluster, deployment)
  if (!replicaSet) return undefined
  const own = cluster.pods.of(app).filter((pod) => ownerOf(pod) === replicaSet.metadata?.uid && isActive(pod))
  const refused = own.length < (deployment.spec?.replicas ?? 0) ? creationTrouble(type, replicaSet, false) : null
  if (own.length < (deployment.spec?.replicas ?? 0) && !refused) return undefined
  const unready = (pod: Pod): Unready => {
    const trouble = podTrouble(type, pod)
    const { cause } = trouble ?? lateTrouble(type, settleSeconds(formation), port, pod)
    return { pod: nameOf(pod), type, cause, failed: trouble !== null }
  }
  return [
    ...(refused ? [{ pod: name, type, cause: refused.cause, failed: true }] : []),
    ...own.filter((pod) => !isUp(pod, Date.now())).map(unready),
  ]
}

/** Resolves when each pod is up or has failed, or after some seconds. */
async function settled(backend: Backend, goals: readonly Goal[], formation: Formation, signal: AbortSignal) {
  const look = (): Unready[] =>
    goals.flatMap((goal) => {
      const { type } = goal
      const none = {
        pod: deploymentName(formation.app, type),
        type,
        cause: 'its pods are not there yet',
        failed: false,
      }
      return unreadyOf(backend, goal) ?? [none]
    })
  const certain = (): Unready[] | undefined => {
    const found = look()
    return found.every(({ failed }) => failed) ? found : undefined
  }
  try {
    return await within(signal, settleSeconds(formation) * 1000, (limit) =>
      backend.cluster.until(formation.app, certain, limit),
    )
  } catch {
    // Out of time: what is not certain is not ready.
    signal.throwIfAborted()
    return look()
  }
}

export async function resumeFormation(
  backend: Backend,
  formation: Formation,
  signal: AbortSignal,
): Promise<readonly Unready[]> {
  const { app, routable, port, release } = formation
  const { steps, finish } = await prepare(backend, formation, signal)
  const active = steps.filter(({ process }) => process.replicas > 0)
  const isOther = ({ before: { deployment } }: Step): boolean =>
    (deployment?.spec?.replicas ?? 0) > 0 && releaseOf(deployment?.spec?.template?.metadata?.labels) !== release
  if (active.some(isOther)) {
    await applyFormation(backend, formation, signal, () => {})
    return []
  }
  const done = await Promise.allSettled(
    active.map(async (step) => ({ formation, type: step.type, generation: await bringUp(backend, step, signal) })),
  )
  for (const one of done) if (one.status === 'rejected') throw refusal(one.reason)
  await pointService(backend, app, routable, port, signal)
  await finish(() => {})
  const goals = done.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  return settled(backend, goals, formation, signal)
}
