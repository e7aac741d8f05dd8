// What does this controller know of work on certificates that is not stored?

export type Waiting = {
  /** Resolves when all have answered, or at the limit. */
  readonly done: Promise<{ readonly answered: number; readonly missing: number }>
  cancel(): void
}

export type AcmeHere = {
  /** Something may be due. */
  wake(): void
  /** Calls `listener` at each `wake`. Returns the function that ends that. */
  onWake(listener: () => void): () => void
  /** Waits for controllers whose routers have to answer a CA, after that change. */
  expectPeers(change: string, peers: readonly string[], limitMs: number): Waiting
  peerAnswered(change: string, peer: string): void
  /** Call it before what is stored is read, and the answer after that: whether nothing that was read later is known already. */
  reads(): () => boolean
}

export function createAcmeHere(): AcmeHere {
  const listeners = new Set<() => void>()
  const waiting = new Map<string, (peer: string) => void>()
  let [begun, known] = [0, 0]
  return {
    wake() {
      for (const listener of listeners) listener()
    },
    onWake(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    expectPeers(change, peers, limitMs) {
      const missing = new Set(peers)
      let finish = (): void => {}
      const done = new Promise<{ answered: number; missing: number }>((resolve) => {
        const answered = (peer: string): void => {
          missing.delete(peer)
          if (missing.size === 0) finish()
        }
        const late = setTimeout(() => finish(), limitMs)
        finish = () => {
          clearTimeout(late)
          waiting.delete(change)
          resolve({ answered: peers.length - missing.size, missing: missing.size })
        }
        waiting.set(change, answered)
        if (missing.size === 0) finish()
      })
      return { done, cancel: () => finish() }
    },
    // An answer to an earlier change says nothing of a later one.
    peerAnswered: (change, peer) => waiting.get(change)?.(peer),
    reads() {
      const turn = ++begun
      return () => {
        if (turn < known) return false
        known = turn
        return true
      }
    },
  }
}
