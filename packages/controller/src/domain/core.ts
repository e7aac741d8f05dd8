// What do all functions of the domain need? Created once by compose.ts, passed as the first argument.
import type { Logger } from 'pino'
import type { History } from '@deis/ports/history'
import type { Builder } from '@deis/ports/builder'
import type { Config } from '../config.ts'
import type { Scheduler } from '@deis/ports/scheduler'
import type { Registry } from '@deis/ports/registry'
import type { SlugStore } from '@deis/ports/slugs'
import type { Peers } from '../store/peers.ts'
import type { Vault } from '../store/crypto.ts'
import type { Db, Read } from '../store/open.ts'
import type { Here } from './here.ts'
import type { AppLogs } from './live/logs.ts'
import type { Measures } from './measures.ts'
import type { Passwords } from './accounts/passwords.ts'
import type { AppQueue } from './releases/queue.ts'
import type { Change } from './requests/request-mark.ts'
import type { RouteTable } from './edge/routes.ts'
import type { TrafficTable } from './edge/traffic.ts'

export type Core = {
  readonly config: Config
  readonly db: Db
  readonly read: Read
  readonly vault: Vault
  readonly passwords: Passwords
  readonly scheduler: Scheduler
  readonly builder: Builder
  /** Where facts about images come from; null where no images run. */
  readonly registry: Registry | null
  /** Other controllers on the same database. */
  readonly peers: Peers
  readonly here: Here
  readonly queue: AppQueue
  readonly routes: RouteTable
  readonly traffic: TrafficTable
  readonly logs: AppLogs
  readonly measures: Measures
  readonly log: Logger
  /** Aborted when the controller stops: work is continued at the next start. */
  readonly shutdown: AbortSignal
  /** The histories of apps; null while the git server has not started. */
  readonly history: () => History | null
  /** Null where no slugs run. */
  readonly slugs: SlugStore | null
  readonly isPushing: (app: string) => boolean
  /** Ends the app's pushes and deletes its repository; the domain does not know the git server. */
  readonly removeRepo: (app: string) => Promise<void>
}

/** The signed-in user. */
export type Caller = {
  readonly id: number
  readonly username: string
  readonly isSuperuser: boolean
  /** The change that is asked for; absent: nothing is changed. */
  readonly request?: Change
}
