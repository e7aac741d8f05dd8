// Which push of an app is running? One at a time, from before git starts until build and deploy have ended.

export type OngoingPush = {
  readonly app: string
  readonly username: string
  readonly address: string | null
  readonly cancel: AbortController
  /** Build and deploy while they go on; never rejects. */
  deploying: Promise<void> | null
  /** The ref that was deployed. */
  deployed: string | null
  /** Resolved when the lock is free again. */
  readonly ended: Promise<void>
}

export type Pushes = {
  /** Null when the app is being pushed already. */
  begin(push: Pick<OngoingPush, 'app' | 'username' | 'address'>): OngoingPush | null
  end(push: OngoingPush): void
  of(app: string): OngoingPush | undefined
  all(): readonly OngoingPush[]
}

export function openPushes(): Pushes {
  const byApp = new Map<string, OngoingPush & { resolve(): void }>()
  return {
    begin({ app, username, address }) {
      if (byApp.has(app)) return null
      let resolve = (): void => {}
      const ended = new Promise<void>((done) => {
        resolve = done
      })
      const cancel = new AbortController()
      const push = {
        app,
        username,
        address,
        cancel,
        deploying: null,
        deployed: null,
        ended,
        resolve,
      }
      byApp.set(app, push)
      return push
    },
    end(push) {
      const held = byApp.get(push.app)
      if (held !== push) return
      byApp.delete(push.app)
      held.resolve()
    },
    of: (app) => byApp.get(app),
    all: () => [...byApp.values()],
  }
}
