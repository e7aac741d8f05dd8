// How do several controllers on one database keep out of each other's way? Alone on its file, a controller has no peers.

export type Held = {
  /** Aborted when the lock is lost: another controller may have it by then. */
  readonly signal: AbortSignal
  release(): Promise<void>
}

/** What controllers tell each other; lost when nobody listens, so it only ever says where to look. */
export type Message =
  | { readonly kind: 'app'; readonly app: string }
  | { readonly kind: 'line'; readonly app: string; readonly at: string; readonly text: string }
  | { readonly kind: 'cancel'; readonly build: string; readonly by: string }
  | { readonly kind: 'routers'; readonly of: string; readonly following: number; readonly behind: number }
  | { readonly kind: 'stop'; readonly app: string; readonly process: string; readonly by: string }

export type Peers = {
  /** This controller among all that share the database. */
  readonly instance: string
  /** Whether there may be others. */
  readonly shared: boolean
  /** Waits until nobody holds `name`, here or elsewhere. @throws the signal's reason */
  lock(name: string, signal: AbortSignal): Promise<Held>
  /** Null when somebody holds it, this controller included. */
  tryLock(name: string): Promise<Held | null>
  /** Whether the controller of that name still runs. */
  alive(instance: string): Promise<boolean>
  /** To all others. */
  tell(message: Message): void
  /** Also called with null after a time without connection: anything may have been missed. */
  onMessage(listener: (message: Message | null) => void): void
  close(): Promise<void>
}

export function noPeers(instance: string): Peers {
  const held: Held = { signal: new AbortController().signal, release: async () => {} }
  return {
    instance,
    shared: false,
    async lock(_, signal) {
      signal.throwIfAborted()
      return held
    },
    tryLock: async () => held,
    alive: async (other) => other === instance,
    tell: () => {},
    onMessage: () => {},
    close: async () => {},
  }
}
