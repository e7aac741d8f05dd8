// What does the git server ask of the rest of the controller, and what does it offer (docs/architecture.md)?
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { SourceLimits } from '@deis/lib/git-tree/measure'
import type { History } from '@deis/ports/history'
import type { Permission, Push } from '@deis/ports/push'
import type { GitRequest } from './https/request.ts'
import type { GitUser } from './push/serve.ts'
import type { AllowedHosts } from './submodules/address.ts'

export type Log = (
  level: 'debug' | 'info' | 'warn' | 'error',
  message: string,
  fields: Readonly<Record<string, unknown>>,
) => void

export type Limits = {
  /** From the first byte to a proven key. */
  readonly authMs: number
  /** Refused keys before the connection is closed. */
  readonly authTries: number
  /** Connections without a proven key: one more ends the oldest of them. */
  readonly unauthenticated: number
  readonly unauthenticatedPerAddress: number
  readonly connections: number
  readonly sessionsPerConnection: number
  /** A connection without a session, or a session in which neither side sends anything. */
  readonly idleMs: number
  /** How long a client may fail to read git's output. */
  readonly stalledMs: number
  /** Silence of a deploy after which `...` is printed (docs/contract/build-and-route.md §1.9). */
  readonly heartbeatMs: number
  /** How long measuring a pushed tree may take. */
  readonly measureMs: number
  /** How long fetching one submodule may take. */
  readonly fetchMs: number
  /** How long fetching and merging all submodules of one push may take. */
  readonly submodulesMs: number
}

export const defaultLimits: Limits = {
  authMs: 20_000,
  authTries: 6,
  unauthenticated: 64,
  unauthenticatedPerAddress: 16,
  connections: 1000,
  sessionsPerConnection: 10,
  idleMs: 300_000,
  stalledMs: 60_000,
  heartbeatMs: 10_000,
  measureMs: 60_000,
  fetchMs: 120_000,
  submodulesMs: 300_000,
}

export type GitServerDeps = {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** The socket that systemd holds open for it; absent: there is none. */
  readonly held?: number
  /** Bare repositories and hooks; nothing else belongs in there. */
  readonly folder: string
  readonly hostKeyFolder: string
  readonly gitPath: string
  /** PATH of git and its hooks. */
  readonly path: string
  readonly maxPackBytes: number
  readonly sourceLimits: SourceLimits
  /** From where submodules are fetched; no hosts: not at all. */
  readonly submodules?: { readonly hosts: AllowedHosts; readonly caFile: string | null }
  /** Deis' own rule: any branch is deployed (docs/contract/build-and-route.md §1.8). */
  readonly anyBranch: boolean
  readonly limits?: Partial<Limits>
  /** `SHA256:<base64 without padding>` of a public key → whose it is. */
  identify(fingerprint: string): Promise<{ readonly username: string } | null>
  authorize(username: string, app: string): Promise<Permission>
  deployBranch(app: string): Promise<string | null>
  setDeployBranch(app: string, branch: string): Promise<void>
  /** A push has begun. */
  expectPush(): void
  /** Builds and releases. @throws Error whose message the user may read; the push is then declined. */
  deploy(push: Push): Promise<void>
  log: Log
}

export type GitServer = {
  readonly port: number
  /** What it proves itself by over SSH: `<type> <base64>` of each key, as in known_hosts. */
  readonly hostKeys: readonly string[]
  /** Serves a fetch or a push over HTTP, for a user whose token was checked. Never rejects. */
  serveHttp(user: GitUser, asked: GitRequest, request: IncomingMessage, response: ServerResponse): Promise<void>
  readonly history: History
  isPushing(app: string): boolean
  /** Ends the app's push, if there is one, and waits for its end. Call after the app is gone for `authorize`. */
  cancelPushes(app: string): Promise<void>
  /** Accepts no new connections over SSH, and resolves when all work has ended; false: not until the deadline. */
  finish(deadlineMs: number): Promise<boolean>
  /** Refuses new sessions, lets running ones end until the deadline, then aborts them. */
  close(deadlineMs: number): Promise<void>
}
