// Which pods of an app are kept, added and retired, to bring what runs to a formation?
import type { Formation } from './scheduler.ts'

export type Candidate = {
  readonly type: string
  readonly release: number
  readonly started: Date
  readonly ok: boolean
}

export type Plan<P> = {
  readonly keep: readonly P[]
  /** One entry for each pod to add: its type. */
  readonly add: readonly string[]
  readonly retire: readonly P[]
}

/** Keeps as many pods of the formation's release as it wants: working ones first, then those that have run longest. */
export function planRollout<P extends Candidate>(pods: readonly P[], formation: Formation): Plan<P> {
  const keep: P[] = []
  const add: string[] = []
  for (const [type, { replicas }] of Object.entries(formation.processes)) {
    const kept = pods
      .filter((pod) => pod.type === type && pod.release === formation.release)
      .toSorted((one, other) => Number(other.ok) - Number(one.ok) || one.started.getTime() - other.started.getTime())
      .slice(0, replicas)
    keep.push(...kept)
    for (let missing = replicas - kept.length; missing > 0; missing--) add.push(type)
  }
  return { keep, add, retire: pods.filter((pod) => !keep.includes(pod)) }
}
