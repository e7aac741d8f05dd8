// What do the parts of the process scheduler share?
import { setMaxListeners } from 'node:events'
import { chmod, mkdir } from 'node:fs/promises'
import type { Accounts } from '@deis/machine/accounts'
import type { Archiver } from '@deis/machine/archive'
import type { Copies } from '@deis/machine/copies'
import type { Firewall } from '@deis/machine/firewall'
import type { Isolation } from '@deis/machine/isolation'
import type { Limits } from '@deis/machine/limits'
import { type LogFile, openLogFile } from '@deis/lib/log-file'
import { isAppId } from '@deis/ports/names'
import type { Formation } from '@deis/ports/scheduler'
import type { Limit } from '@deis/lib/limit'
import { appFolder, logFile, type Pod, podsFolder } from './pod.ts'
import type { PortPool } from './ports.ts'

export type ProcessOptions = {
  /** Pods, state and logs; app users must be able to enter it. */
  readonly folder: string
  /** See machine/src/slugs.ts. */
  readonly slugFolder: string
  readonly accounts: Accounts
  readonly archiver: Archiver
  readonly isolation: Isolation
  readonly limits: Limits
  readonly ports: { readonly first: number; readonly last: number }
  readonly firewall: Firewall
  /** Slugs that are unpacked already. */
  readonly copies: Copies
  /** Resolves when no router sends or holds requests to an address that `observe` no longer returns. */
  readonly drained: (app: string, address: string, signal: AbortSignal) => Promise<void>
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields: Readonly<Record<string, unknown>>) => void
  /** PATH of the processes. */
  readonly path: string
  /** bash, or sh. */
  readonly shell: string
  /** Further variables for all processes, overridden by config: LANG, LC_ALL, TZ. */
  readonly locale?: Readonly<Record<string, string>>
}

export type Backend = {
  readonly options: ProcessOptions
  readonly ports: PortPool
  readonly unpacking: Limit
  readonly apps: Map<string, ProcessApp>
  readonly changed: (app: string) => void
}

export type ProcessApp = {
  readonly id: string
  readonly pods: Map<string, Pod>
  readonly lines: LogFile
  /** What the last successful apply since start wanted. */
  formation: Formation | null
  /** Stops the background work as it is, because something else takes over. */
  readonly leave: AbortController
  readonly background: Set<Promise<void>>
  saving: Promise<void>
  /** A write of the state that has not begun. */
  nextSave: Promise<void> | null
}

const logBytes = 1024 * 1024

/** An app's id is the name of its folders. */
export function openApp(backend: Backend, id: string): ProcessApp {
  if (!isAppId(id)) throw new Error(`${JSON.stringify(id)} is not an app ID`)
  const known = backend.apps.get(id)
  if (known) return known
  const app: ProcessApp = {
    id,
    pods: new Map(),
    lines: openLogFile(logFile(backend.options.folder, id), logBytes),
    formation: null,
    leave: new AbortController(),
    background: new Set(),
    saving: Promise.resolve(),
    nextSave: null,
  }
  // Every process of the app that ends waits with it.
  setMaxListeners(0, app.leave.signal)
  backend.apps.set(id, app)
  return app
}

/** App users may pass through these folders but not list them, whatever the umask is. */
export async function makeAppFolders(backend: Backend, app: string, pod?: string): Promise<void> {
  const { folder } = backend.options
  const all = [podsFolder(folder), appFolder(folder, app), ...(pod === undefined ? [] : [pod])]
  for (const path of all) {
    await mkdir(path, { recursive: true, mode: 0o711 })
    await chmod(path, 0o711)
  }
}

/** Runs work in the background; `remove` and `close` wait for it. */
export function inBackground(backend: Backend, app: ProcessApp, what: string, work: () => Promise<unknown>): void {
  const done = work()
    .catch((error: unknown) => backend.options.log('error', what, { app: app.id, error }))
    .then(() => void app.background.delete(done))
  app.background.add(done)
}
