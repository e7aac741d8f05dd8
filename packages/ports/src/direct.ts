// What does a scheduler answer that has no nodes, no namespaces and no edge of its own?
import type { ObservedPod, Scheduler } from './scheduler.ts'

/** Its router sends to single pods. */
export function direct(
  observe: (app: string) => readonly ObservedPod[],
): Pick<Scheduler, 'prepare' | 'setEdge' | 'upstreams' | 'matchingNodes'> {
  return {
    prepare: async () => {},
    setEdge: async () => {},
    async upstreams(app) {
      const ready = observe(app).flatMap((pod) => (pod.state === 'up' && pod.address !== null ? [pod.address] : []))
      return { addresses: ready.toSorted(), shared: false }
    },
    matchingNodes: async () => 1,
  }
}
