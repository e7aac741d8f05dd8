// Which push of an app is running? One at a time, from before git starts until build and deploy have ended.
import { randomBytes } from 'node:crypto'

export type OngoingPush = {
  readonly app: string
  readonly username: string
  readonly address: string | null
  /** Known to this push's hooks only. */
  readonly token: string
  readonly cancel: AbortController
  /** Messages of the update hook, by ref; null until the pre-receive hook has run. */
  refused: ReadonlyMap<string, string> | null
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
  byToken(token: string): OngoingPush | undefined
  all(): readonly OngoingPush[]
}

export function openPushes(): Pushes {
  const byApp = new Map<string, OngoingPush & { resolve(): void }>()
  const byToken = new Map<string, OngoingPush>()
  return {
    begin({ app, username, address }) {
      if (byApp.has(app)) return null
      let resolve = (): void => {}
      const ended = new Promise<void>((done) => {
        resolve = done
      })
      const token = randomBytes(32).toString('hex')
      const cancel = new AbortController()
      const push = {
        app,
        username,
        address,
        token,
        cancel,
        refused: null,
        deploying: null,
        deployed: null,
        ended,
        resolve,
      }
      byApp.set(app, push)
      byToken.set(token, push)
      return push
    },
    end(push) {
      byToken.delete(push.token)
      const held = byApp.get(push.app)
      if (held?.token !== push.token) return
      byApp.delete(push.app)
      held.resolve()
    },
    of: (app) => byApp.get(app),
    // 256 random bits: the time that a wrong guess takes reveals nothing.
    byToken: (token) => byToken.get(token),
    all: () => [...byApp.values()],
  }
}
