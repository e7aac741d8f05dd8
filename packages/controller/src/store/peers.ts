// How do several controllers on one database lock and notify each other? On SQLite a controller has no peers.

export type Held = {
  /** Aborted when the lock is lost: another controller may have it by then. */
  readonly signal: AbortSignal
  release(): Promise<void>
}

/** What controllers send to each other. It is lost when nobody listens, so it only ever says where to look. */
export type Message =
  | { readonly kind: 'app'; readonly app: string }
  | { readonly kind: 'line'; readonly app: string; readonly at: string; readonly text: string }
  | { readonly kind: 'cancel'; readonly build: string; readonly by: string }
  | { readonly kind: 'routers'; readonly of: string; readonly following: number; readonly behind: number }
  /** What routers answer to CAs has changed; each controller answers when its own routers have that change. */
  | { readonly kind: 'challenges'; readonly change: string }
  | { readonly kind: 'challenged'; readonly change: string; readonly of: string }
  | { readonly kind: 'stop'; readonly app: string; readonly process: string; readonly by: string }

export type Peers = {
  /** This controller among all that share the database. */
  readonly instance: string
  /** Whether there may be others. */
  readonly shared: boolean
  /** Waits until `name` is free, here and at other controllers. @throws the signal's reason */
  lock(name: string, signal: AbortSignal): Promise<Held>
  /** Null when it is held, here or by another controller. */
  tryLock(name: string): Promise<Held | null>
  /** Whether the controller of that name still runs. */
  alive(instance: string): Promise<boolean>
  /** Sends it to all others. */
  notify(message: Message): void
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
    notify: () => {},
    onMessage: () => {},
    close: async () => {},
  }
}
