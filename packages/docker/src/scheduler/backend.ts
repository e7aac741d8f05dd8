// What do the parts of the scheduler for Docker share?
import { setMaxListeners } from 'node:events'
import { join } from 'node:path'
import { type AppLog, openAppLog } from '@deis/container/app-log'
import type { Log } from '@deis/ports/backend'
import { isAppId } from '@deis/ports/names'
import type { Credentials } from '@deis/ports/registry'
import type { Formation } from '@deis/ports/scheduler'
import type { Engine } from '../engine/engine.ts'
import type { Networks } from './networks.ts'
import type { Pod } from './pod.ts'

export type DockerOptions = {
  readonly engine: Engine
  /** Tells this installation from others on the same engine; a label value. */
  readonly platform: string
  /** For log lines: containers are the engine's. */
  readonly folder: string
  /** For what the next controller has to know of containers. */
  readonly stateFolder: string
  readonly networks: Networks
  /** What those are cut from, such as 10.201.0.0/16. */
  readonly pools: readonly string[]
  readonly reach: 'auto' | 'bridge' | 'published'
  /** Credentials of the platform's own registry by host. */
  readonly registryCredentials: Readonly<Record<string, Credentials>>
  /** Resolves when no router sends or holds requests to an address that `observe` no longer returns. */
  readonly drained: (app: string, address: string, signal: AbortSignal) => Promise<void>
  readonly log: Log
}

export type Backend = {
  readonly options: DockerOptions
  /** Containers are reached by a port of this machine, not by their address. */
  readonly published: boolean
  readonly apps: Map<string, DockerApp>
  readonly changed: (app: string) => void
}

export type DockerApp = {
  readonly id: string
  readonly pods: Map<string, Pod>
  readonly lines: AppLog
  /** What the last successful apply since start wanted. */
  formation: Formation | null
  /** Stops the background work as it is, because something else takes over. */
  readonly leave: AbortController
  readonly background: Set<Promise<void>>
}

/** An app's id is the name of its log file, and part of other names. */
export function openApp(backend: Backend, id: string): DockerApp {
  const known = backend.apps.get(id)
  if (known) return known
  if (!isAppId(id)) throw new Error(`${JSON.stringify(id)} is not an app id`)
  const app: DockerApp = {
    id,
    pods: new Map(),
    lines: openAppLog(join(backend.options.folder, `${id}.log`)),
    formation: null,
    leave: new AbortController(),
    background: new Set(),
  }
  // Every container of the app waits with it.
  setMaxListeners(0, app.leave.signal)
  backend.apps.set(id, app)
  return app
}

/** Work that nobody waits for; a failure is logged. */
export function inBackground(backend: Backend, app: DockerApp, failed: string, work: () => Promise<unknown>): void {
  const run = work()
    .then(
      () => {},
      (error: unknown) => {
        if (!app.leave.signal.aborted) backend.options.log('error', failed, { app: app.id, err: error })
      },
    )
    .finally(() => app.background.delete(run))
  app.background.add(run)
}
