// What is a pod in memory, on disk (for after the controller was killed) and as others observe it?
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { logSource } from '@deis/ports/names'
import type { Artifact, Formation, ObservedPod, PodState, Probe } from '@deis/ports/scheduler'
import { formatLine } from '@deis/ports/lines'
import type { Identity } from '@deis/machine/pid'
import type { Backend, ProcessApp } from './backend.ts'
import type { PodProcess } from './launch.ts'
import type { Follower } from './output.ts'

/**
 * - `starting`: not ready yet; ended when its controller is gone
 * - `serving`: what the last successful apply or restart wanted
 * - `stopping`: no longer wanted; it drains or ends
 * - `one-off`: a caller waits for its end
 */
export type Stage = 'starting' | 'serving' | 'stopping' | 'one-off'

/** One pod on disk. No command, env or probe: those may contain secrets, and come with the next apply. */
export type PodRecord = {
  readonly name: string
  readonly type: string
  readonly release: number
  readonly stage: Stage
  readonly port: number
  readonly graceSeconds: number
  readonly started: string
  /** Null: none was started, or it has ended. */
  readonly process: Identity | null
  /** Set while the pod takes requests. */
  readonly address: string | null
}

type State = { readonly pods: readonly PodRecord[] }

const fileName = 'state.json'

export function podsFolder(folder: string): string {
  return join(folder, 'pods')
}

export function appFolder(folder: string, app: string): string {
  return join(podsFolder(folder), app)
}

export function podFolder(folder: string, app: string, pod: string): string {
  return join(appFolder(folder, app), pod)
}

export function logFile(folder: string, app: string): string {
  return join(folder, 'logs', `${app}.log`)
}

/** All records of an app in one file that is replaced as a whole: pods replace others in one step. */
async function saveState(folder: string, app: string, pods: readonly PodRecord[]): Promise<void> {
  const file = join(appFolder(folder, app), fileName)
  await mkdir(appFolder(folder, app), { recursive: true, mode: 0o711 })
  await writeFile(`${file}.new`, JSON.stringify({ pods } satisfies State), { mode: 0o600 })
  await rename(`${file}.new`, file)
}

export type Found = {
  readonly app: string
  readonly records: readonly PodRecord[]
  /** Pods with a folder but no record. */
  readonly orphans: readonly string[]
}

async function foldersIn(path: string): Promise<string[]> {
  try {
    return (await readdir(path, { withFileTypes: true })).filter((one) => one.isDirectory()).map((one) => one.name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** Everything that was left behind. A file that cannot be read counts as missing: its pods are then orphans. */
export async function loadStates(folder: string, unreadable: (app: string, error: unknown) => void): Promise<Found[]> {
  const apps = await foldersIn(podsFolder(folder))
  return Promise.all(
    apps.map(async (app) => {
      let records: readonly PodRecord[] = []
      try {
        const { pods } = JSON.parse(await readFile(join(appFolder(folder, app), fileName), 'utf8')) as Partial<State>
        if (!Array.isArray(pods)) throw new Error(`"${fileName}" does not contain a list of pods`)
        records = pods
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') unreadable(app, error)
      }
      const known = new Set(records.map((record) => record.name))
      return { app, records, orphans: (await foldersIn(appFolder(folder, app))).filter((name) => !known.has(name)) }
    }),
  )
}

/** What is needed to start a pod. */
export type Spec = {
  readonly artifact: Artifact
  readonly command: string
  readonly env: Formation['env']
  /** As the user wrote them. */
  readonly memory?: string
  readonly cpu?: string
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
  /** How its last process ended, or why none could be started; null: it is ready, or was not started before. */
  problem: string | null
  /** Called whenever it has become ready. */
  readonly whenReady: Set<() => void>
  /** Called whenever its process has ended, or could not be started. */
  readonly whenFailed: Set<() => void>
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
    problem: null,
    whenReady: new Set(),
    whenFailed: new Set(),
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
