// What state does the memory scheduler have?
import type { Formation, LogLine, ObservedPod, PodState } from '../scheduler.ts'

export type MemoryPod = {
  readonly name: string
  readonly app: string
  readonly type: string
  readonly release: number
  readonly started: Date
  readonly address: string
  readonly command: string | null
  readonly env: Readonly<Record<string, string>>
  /** Aborted with its end. */
  readonly gone: AbortController
  state: PodState
  /** Whether the last successful apply wanted it. */
  committed: boolean
}

export type MemoryApp = {
  readonly pods: Map<string, MemoryPod>
  readonly lines: LogLine[]
  formation: Formation | null
}

/** What outlives a scheduler, as processes outlive a killed controller. */
export type MemoryWorld = { readonly apps: Map<string, MemoryApp>; ports: number; evict(): Promise<void> }

export function createMemoryWorld(): MemoryWorld {
  return { apps: new Map(), ports: 10_000, evict: async () => {} }
}

export function observed(pod: MemoryPod, routable: string | null): ObservedPod {
  const { name, type, release, state, started } = pod
  const routed = pod.committed && state === 'up' && routable === type
  return { name, type, release, state, started, address: routed ? pod.address : null }
}
