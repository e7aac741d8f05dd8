// What has to be done for each type of a formation, given its present state?
import { type Deployment, pathOf } from '../../client/objects.ts'
import { DeployFailure, type Formation, type ProcessSpec } from '@deis/ports/scheduler'
import { type Backend, nameOf } from '../backend.ts'
import { deployment, patience, type Patience, replicasOf } from '../manifests/deployment.ts'
import { heritageSelector } from '../../cluster/labels.ts'
import { deploymentName, managers } from '../manifests/labels.ts'
import { fieldsOf } from './owned.ts'
import { resourcesOf } from '@deis/container/quantity'
import { replace } from './replace.ts'
import { type Before, beforeOf } from './restore.ts'
import { envSecret, pullSecrets } from '../manifests/secret.ts'
import { matching, surgeOf } from './surge.ts'

/** One type of the formation with its present state. */
export type Step = {
  readonly type: string
  readonly process: ProcessSpec
  readonly manifest: Deployment
  readonly patience: Patience
  readonly before: Before
}

/** @throws DeployFailure */
function refuseAlike({ app, processes }: Formation): void {
  const named = new Map<string, string>()
  for (const type of Object.keys(processes)) {
    const name = deploymentName(app, type)
    const other = named.get(name)
    if (other !== undefined)
      throw new DeployFailure(
        `the process types ${other} and ${type} would have the same name in the cluster: ${name}`,
        [],
        'Rename one of them in the Procfile.',
      )
    named.set(name, type)
  }
}

/** The steps of a formation; also creates the secrets that they need. */
export async function stepsOf(
  backend: Backend,
  formation: Formation,
  restricted: boolean,
  signal: AbortSignal,
): Promise<Step[]> {
  const { app, batches, tags, deployTimeoutSeconds } = formation
  refuseAlike(formation)
  const secrets = pullSecrets(app, formation.artifact, formation.registry, backend.options)
  const nodes = batches > 0 ? [] : matching(await backend.nodes.get(), tags)
  const pods = backend.cluster.pods.all()
  const plain = Object.entries(formation.processes).map(([type, process]) => {
    const surge = surgeOf(batches, process.replicas, { nodes, pods, resources: resourcesOf(process) })
    const time = patience(deployTimeoutSeconds, process, process.replicas, surge)
    const parts = {
      formation,
      type,
      process,
      surge,
      seconds: time.seconds,
      pullSecrets: secrets.map(nameOf),
      restricted,
    }
    return { type, process, patience: time, manifest: deployment(parts, backend.pods) }
  })
  const [{ items }] = await Promise.all([
    backend.kube.list<Deployment>(pathOf('apps/v1/Deployment', app), {
      query: { labelSelector: heritageSelector },
      signal,
    }),
    ...[envSecret(app, formation.release, formation.env), ...secrets].map((secret) =>
      backend.kube.apply(secret, { signal }),
    ),
  ])
  return plain.map((step) => {
    const live = items.find((one) => nameOf(one) === deploymentName(app, step.type))
    return { ...step, before: beforeOf(backend, app, step.type, live) }
  })
}

export async function scaleTo(
  { kube }: Backend,
  { before: { app }, type }: Step,
  replicas: number,
  signal: AbortSignal,
): Promise<Deployment> {
  return kube.apply<Deployment>(replicasOf(app, type, replicas), { manager: managers.scale, signal })
}

export async function make(backend: Backend, step: Step, replicas: number, signal: AbortSignal): Promise<Deployment> {
  const { manifest } = step
  // Without a number, Kubernetes would start one pod.
  await backend.kube.apply<Deployment>(
    { ...manifest, spec: { ...manifest.spec, replicas } as Deployment['spec'] },
    { signal },
  )
  return scaleTo(backend, step, replicas, signal)
}

/** Applies the manifest; the number stays as it is. */
export async function change(backend: Backend, step: Step, live: Deployment, signal: AbortSignal): Promise<Deployment> {
  const fields = fieldsOf(live, managers.main)
  const counted = fields?.['f:spec']?.['f:replicas'] !== undefined && !fieldsOf(live, managers.scale)
  // A controller died between the two calls of `make`: if left out, the number would become 1.
  if (counted) await scaleTo(backend, step, live.spec?.replicas ?? 1, signal)
  return replace(backend.kube, step.manifest, live, signal)
}

/** An autoscaler keeps its own number, unless the type does not run yet. */
export function wantedOf({ process: { autoscale, replicas } }: Step, now: number): number {
  if (!autoscale || replicas === 0) return replicas
  return now > 0 ? now : Math.min(Math.max(replicas, autoscale.min), autoscale.max)
}
