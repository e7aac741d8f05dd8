// What is a pod, in memory, on disk and to those who ask?
import { logSource } from '@deis/ports/names'
import type { Artifact, Formation, ObservedPod, PodState, Probe } from '@deis/ports/scheduler'
import { formatLine } from '@deis/ports/lines'
import { type Backend, type ProcessApp } from './backend.ts'
import type { Life } from './launch.ts'
import type { Follower } from './output.ts'
import { type PodRecord, saveState, type Stage } from './state.ts'

/** What it takes to start a pod. */
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
  life: Life | null
  output: Follower | null
  ready: boolean
  /** Where it takes requests, or did when it was last ready. */
  address: string | null
  /** What it waits for to become ready. */
  reason: string | null
  /** Why its process was ended by us, to be started again. */
  broken: string | null
  /** Called whenever it has become ready. */
  readonly whenReady: Set<() => void>
  /** Ends the watch over the health of its present life. */
  watch: AbortController
  /** Aborted when it shall not be started again. */
  readonly end: AbortController
  /** Aborted when its processes are gone, or are to be at once: who has joined it goes, too. */
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
    life: null,
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
  const process = pod.life?.identity ?? null
  return { name, type, release, stage, port, graceSeconds, started: pod.started.toISOString(), process, address }
}

/** Writes down all pods of the app as they are then. */
export function save(backend: Backend, app: ProcessApp): Promise<void> {
  const write = async (): Promise<void> => {
    // One that was removed must not come back by a late write.
    if (backend.apps.get(app.id) !== app) return
    await saveState(backend.options.folder, app.id, [...app.pods.values()].map(toRecord))
  }
  // Each caller hears of its own write only.
  const result = app.saving.then(write)
  app.saving = result.catch(() => {})
  return result
}

/** A line of the platform's own in the pod's log. */
export async function say(pod: Pod, text: string): Promise<void> {
  await pod.app.lines.append([formatLine({ time: new Date(), source: logSource(pod), text })])
}
