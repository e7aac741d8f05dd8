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
  /** Waits for controllers whose routers have to answer a CA. */
  expectPeers(peers: readonly string[], limitMs: number): Waiting
  peerAnswered(peer: string): void
}

export function createAcmeHere(): AcmeHere {
  const listeners = new Set<() => void>()
  const waiting = new Set<(peer: string) => void>()
  return {
    wake() {
      for (const listener of listeners) listener()
    },
    onWake(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    expectPeers(peers, limitMs) {
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
          waiting.delete(answered)
          resolve({ answered: peers.length - missing.size, missing: missing.size })
        }
        waiting.add(answered)
        if (missing.size === 0) finish()
      })
      return { done, cancel: () => finish() }
    },
    peerAnswered(peer) {
      for (const answered of waiting) answered(peer)
    },
  }
}
