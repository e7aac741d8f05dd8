// What is a pod of a formation, and which of the pods that serve stay?
import { access } from 'node:fs/promises'
import { slugFile } from '@deis/machine/slugs'
import { podName } from '@deis/ports/names'
import { planRollout } from '@deis/ports/take-over'
import { DeployFailure, type Formation, type ProcessSpec } from '@deis/ports/scheduler'
import type { Backend, ProcessApp } from './backend.ts'
import { watchPod } from './process.ts'
import { newPod, type Pod, type Spec } from './pod.ts'

function specOf(formation: Formation, type: string, process: ProcessSpec): Spec {
  if (process.command === null)
    throw new DeployFailure(`${type} has no command`, [], `Add a line \`${type}: COMMAND\` to the Procfile.`)
  return {
    artifact: formation.artifact,
    command: process.command,
    env: formation.env,
    memory: process.memory,
    cpu: process.cpu,
    readiness: process.readinessProbe,
    liveness: process.livenessProbe,
  }
}

export async function addPod(
  backend: Backend,
  app: ProcessApp,
  formation: Formation,
  type: string,
  stage: 'starting' | 'serving' = 'starting',
): Promise<Pod> {
  const process = formation.processes[type] as ProcessSpec
  const spec = specOf(formation, type, process)
  const runAs = await backend.options.accounts.of(app.id)
  const pod = newPod({
    name: podName(app.id, type, formation.release),
    app,
    type,
    release: formation.release,
    port: await backend.ports.take(runAs?.uid ?? null),
    spec,
    graceSeconds: process.graceSeconds,
    routable: formation.routable === type,
    stage,
  })
  app.pods.set(pod.name, pod)
  return pod
}

/** @throws DeployFailure unless the formation's artifact is a slug that is here. */
export async function requireSlug(backend: Backend, { artifact }: Formation): Promise<void> {
  if (artifact.kind !== 'slug')
    throw new DeployFailure(
      'this platform (one machine without a container runtime) cannot run images',
      [],
      'Push source code, or run the platform on Docker or Kubernetes.',
    )
  await access(slugFile(backend.options.slugFolder, artifact.digest)).catch(() => {
    throw new DeployFailure(
      `the slug "${artifact.digest}" is not on this machine`,
      [],
      'Push the app again to build it.',
    )
  })
}

export const servingOf = (app: ProcessApp): Pod[] => [...app.pods.values()].filter((pod) => pod.stage === 'serving')

export type Stay = {
  /** One entry for each pod to add: its type. */
  readonly add: readonly string[]
  readonly retire: readonly Pod[]
  /** Those that stay, but were adopted or take requests only now: their health is watched from now on. */
  readonly changed: readonly Pod[]
}

/** Decides which pods stay, and gives these what the formation wants of them. */
export async function stay(backend: Backend, app: ProcessApp, formation: Formation): Promise<Stay> {
  const candidates = servingOf(app).map((pod) => ({
    pod,
    type: pod.type,
    release: pod.release,
    started: pod.started,
    ok: pod.ready,
  }))
  const plan = planRollout(candidates, formation)
  const changed: Pod[] = []
  for (const { pod } of plan.keep) {
    const process = formation.processes[pod.type] as ProcessSpec
    const routable = formation.routable === pod.type
    const isChanged = pod.spec === null || pod.routable !== routable
    if (routable && !pod.routable) {
      pod.ready = pod.address !== null && pod.ready
      if (!pod.ready && pod.state === 'up') pod.state = 'starting'
    }
    Object.assign(pod, { routable, spec: specOf(formation, pod.type, process), graceSeconds: process.graceSeconds })
    if (isChanged) await watchPod(backend, pod)
    // One that waits for its restart was ready once: others do not wait for it.
    if (isChanged && pod.process) changed.push(pod)
  }
  return { add: plan.add, retire: plan.retire.map(({ pod }) => pod), changed }
}
