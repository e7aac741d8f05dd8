// What is a pod in memory, on disk and as others observe it?
import { logSource } from '@deis/ports/names'
import type { Artifact, Formation, ObservedPod, PodState, Probe } from '@deis/ports/scheduler'
import { formatLine } from '@deis/ports/lines'
import { type Backend, type ProcessApp } from './backend.ts'
import type { PodProcess } from './launch.ts'
import type { Follower } from './output.ts'
import { type PodRecord, saveState, type Stage } from './state.ts'

/** What is needed to start a pod. */
export type Spec = {
  readonly artifact: Artifact
  readonly command: string
  readonly env: Formation['env']
  readonly readiness?: Probe
  readonly liveness?: Probe
}

export type Pod = {
  readonly name: string
  readonly app: ProcessApp
  readonly type: string
  readonly release: number
  readonly port: number
  /** Null: adopted, and not applied since. */
  spec: Spec | null
  graceSeconds: number
  routable: boolean
  stage: Stage
  state: PodState
  started: Date
  process: PodProcess | null
  output: Follower | null
  ready: boolean
  /** Where it takes requests, or took them when it was last ready. */
  address: string | null
  /** What it waits for to become ready. */
  reason: string | null
  /** Why its process was stopped, to be started again. */
  broken: string | null
  /** Called whenever it has become ready. */
  readonly whenReady: Set<() => void>
  /** Ends the health checks of its current process. */
  watch: AbortController
  /** Aborted when it must not be started again. */
  readonly end: AbortController
  /** Aborted when its processes have ended or are about to be killed: sessions beside it end, too. */
  readonly gone: AbortController
  /** The supervision; resolves soon after `end`. */
  supervision: Promise<void>
}

export function newPod(
  from: Pick<Pod, 'name' | 'app' | 'type' | 'release' | 'port' | 'spec' | 'graceSeconds' | 'routable' | 'stage'>,
): Pod {
  return {
    ...from,
    state: 'creating',
    started: new Date(),
    process: null,
    output: null,
    ready: false,
    address: null,
    reason: null,
    broken: null,
    whenReady: new Set(),
    watch: new AbortController(),
    end: new AbortController(),
    gone: new AbortController(),
    supervision: Promise.resolve(),
  }
}

export function observed(pod: Pod): ObservedPod {
  const { name, type, release, state, started } = pod
  const takesRequests = pod.stage === 'serving' && pod.ready && pod.routable
  return { name, type, release, state, started, address: takesRequests ? pod.address : null }
}

function toRecord(pod: Pod): PodRecord {
  const { name, type, release, stage, port, graceSeconds, address } = pod
  const process = pod.process?.identity ?? null
  return { name, type, release, stage, port, graceSeconds, started: pod.started.toISOString(), process, address }
}

/** Saves all pods of the app as they are at the time of writing; all calls during a write share the next one. */
export function save(backend: Backend, app: ProcessApp): Promise<void> {
  if (app.nextSave) return app.nextSave
  const write = async (): Promise<void> => {
    app.nextSave = null
    // A late write must not restore a removed app.
    if (backend.apps.get(app.id) !== app) return
    await saveState(backend.options.folder, app.id, [...app.pods.values()].map(toRecord))
  }
  // Callers get the result of the write that has their change, not of an earlier one.
  const result = app.saving.then(write)
  app.nextSave = result
  app.saving = result.catch(() => {})
  return result
}

/** Adds a line of the platform to the pod's log. */
export async function logLine(pod: Pod, text: string): Promise<void> {
  await pod.app.lines.append([formatLine({ time: new Date(), source: logSource(pod), text })])
}
