// What is a pod of a formation, which of the pods that serve stay, and what does the next controller know of them?
import { podName } from '@deis/ports/names'
import { planRollout } from '@deis/ports/take-over'
import type { Formation, ProcessSpec } from '@deis/ports/scheduler'
import type { Backend, DockerApp } from './backend.ts'
import { watchPod } from './health.ts'
import { newPod, type Pod, type Spec } from './pod.ts'
import { saveServing } from './state.ts'

export function specOf(formation: Formation, type: string, process: ProcessSpec): Spec {
  return {
    artifact: formation.artifact,
    command: process.command,
    env: formation.env,
    ...(process.memory === undefined ? {} : { memory: process.memory }),
    ...(process.cpu === undefined ? {} : { cpu: process.cpu }),
    port: formation.routable === type ? formation.port : null,
    ...(process.readinessProbe ? { readiness: process.readinessProbe } : {}),
    ...(process.livenessProbe ? { liveness: process.livenessProbe } : {}),
    registry: formation.registry,
    pullPolicy: formation.pullPolicy,
  }
}

export function addPod(
  app: DockerApp,
  formation: Formation,
  type: string,
  stage: 'starting' | 'serving' = 'starting',
): Pod {
  const process = formation.processes[type] as ProcessSpec
  const pod = newPod({
    name: podName(app.id, type, formation.release),
    app,
    type,
    release: formation.release,
    spec: specOf(formation, type, process),
    graceSeconds: process.graceSeconds,
    routable: formation.routable === type,
    stage,
  })
  app.pods.set(pod.name, pod)
  return pod
}

export const servingOf = (app: DockerApp): Pod[] => [...app.pods.values()].filter((pod) => pod.stage === 'serving')

/** From then on a container that is not named there never served. */
export function saveNames(backend: Backend, app: DockerApp, more: readonly Pod[], less: readonly Pod[]): Promise<void> {
  const serving = servingOf(app).filter((pod) => !less.includes(pod))
  const all = [...new Set([...serving, ...more])]
  return saveServing(
    backend.options.stateFolder,
    app.id,
    all.map(({ name }) => name),
  )
}

export type Stay = {
  /** One entry for each pod to add: its type. */
  readonly add: readonly string[]
  readonly retire: readonly Pod[]
  /** Those that stay, but were adopted or take requests only now: their health is watched from now on. */
  readonly changed: readonly Pod[]
}

/** Decides which pods stay, and gives these what the formation wants of them. */
export function stay(backend: Backend, app: DockerApp, formation: Formation): Stay {
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
    if (isChanged) watchPod(backend, pod)
    // One that waits for its restart was ready once: others do not wait for it.
    if (isChanged && pod.container) changed.push(pod)
  }
  return { add: plan.add, retire: plan.retire.map(({ pod }) => pod), changed }
}
