// Which pods of an app stay, which are added and which go, to make reality equal a formation?
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

/** Pods of the formation's release stay as far as they are wanted: working ones first, then those that run longest. */
export function planRollout<P extends Candidate>(pods: readonly P[], formation: Formation): Plan<P> {
  const keep: P[] = []
  const add: string[] = []
  for (const [type, { replicas }] of Object.entries(formation.processes)) {
    const stay = pods
      .filter((pod) => pod.type === type && pod.release === formation.release)
      .toSorted((one, other) => Number(other.ok) - Number(one.ok) || one.started.getTime() - other.started.getTime())
      .slice(0, replicas)
    keep.push(...stay)
    for (let missing = replicas - stay.length; missing > 0; missing--) add.push(type)
  }
  return { keep, add, retire: pods.filter((pod) => !keep.includes(pod)) }
}
