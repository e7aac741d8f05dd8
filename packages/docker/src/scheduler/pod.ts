// What is a pod of this backend: one container at a time, under one name?
import { logSource } from '@deis/ports/names'
import type { Formation, ObservedPod, PodState, Probe } from '@deis/ports/scheduler'
import type { DockerApp } from './backend.ts'
import type { ContainerParts } from './container.ts'
import type { Follower } from './logs.ts'

/** What is needed to start a container for it. */
export type Spec = Pick<ContainerParts, 'artifact' | 'command' | 'env' | 'memory' | 'cpu'> & {
  /** Where the app listens; null: nowhere, or unknown. */
  readonly port: number | null
  readonly readiness?: Probe
  readonly liveness?: Probe
  readonly registry: Formation['registry']
  readonly pullPolicy: Formation['pullPolicy']
}

/**
 * - `starting`: not ready yet
 * - `serving`: what the last apply or restart wanted
 * - `stopping`: no longer wanted; it drains or ends
 * - `one-off`: a caller waits for its end
 */
export type Stage = 'starting' | 'serving' | 'stopping' | 'one-off'

/**
 * How its container ended; null code: it is gone, and nobody knows. `again`: somebody else has started it again. `withEngine`: the
 * engine went away meanwhile, and most likely took it along.
 */
export type Ended = {
  readonly code: number | null
  readonly outOfMemory: boolean
  readonly error: string
  readonly again?: boolean
  readonly withEngine?: boolean
}

export type Running = {
  readonly id: string
  readonly started: Date
  /** Its address in the app's network. */
  readonly address: string
  /** Ports of this machine by those of the container. */
  readonly published: ReadonlyMap<number, number>
  readonly exited: Promise<Ended>
  readonly output: Follower
}

export type Pod = {
  readonly name: string
  readonly app: DockerApp
  readonly type: string
  readonly release: number
  /** Null: found running, and not applied since. */
  spec: Spec | null
  graceSeconds: number
  routable: boolean
  stage: Stage
  state: PodState
  started: Date
  container: Running | null
  ready: boolean
  /** Where it takes requests, or took them when it was last ready. */
  address: string | null
  /** What it waits for to become ready. */
  reason: string | null
  /** Why its container was stopped, to be started again. */
  broken: string | null
  /** How its last container ended, or why none could be started; null: it is ready, or was not started before. */
  problem: string | null
  /** Called whenever it has become ready. */
  readonly whenReady: Set<() => void>
  /** Called whenever its container has ended, or could not be started. */
  readonly whenFailed: Set<() => void>
  /** Ends the health checks of its container. */
  watch: AbortController
  /** Aborted when it must not be started again. */
  readonly end: AbortController
  /** Aborted when its container has ended or is about to be stopped: sessions in it end, too. */
  readonly gone: AbortController
  /** The supervision; resolves soon after `end`. */
  supervision: Promise<void>
}

export function newPod(
  from: Pick<Pod, 'name' | 'app' | 'type' | 'release' | 'spec' | 'graceSeconds' | 'routable' | 'stage'>,
): Pod {
  return {
    ...from,
    state: 'creating',
    started: new Date(),
    container: null,
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

/** Adds a line of the platform to the pod's log. */
export async function logLine(pod: Pod, text: string): Promise<void> {
  const stamp = `${new Date().toISOString().slice(0, -1)}000000Z`
  await pod.app.lines.append(logSource(pod), [{ stamp, text }])
}
