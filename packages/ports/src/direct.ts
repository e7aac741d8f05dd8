// What does a backend answer that has neither nodes nor names nor an edge of its own?
import type { ObservedPod, Scheduler } from './scheduler.ts'

/** Its router sends to single pods. */
export function direct(
  observe: (app: string) => readonly ObservedPod[],
): Pick<Scheduler, 'claim' | 'expose' | 'upstreams' | 'matchingNodes'> {
  return {
    claim: async () => {},
    expose: async () => {},
    async upstreams(app) {
      const ready = observe(app).flatMap((pod) => (pod.state === 'up' && pod.address !== null ? [pod.address] : []))
      return { addresses: ready.toSorted(), shared: false }
    },
    matchingNodes: async () => 1,
  }
}
