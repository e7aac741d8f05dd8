// Which backend runs, by the operator's choice? Only the chosen one is loaded.
import type { Backend, Log } from '@deis/ports/backend'
import type { Credentials } from '@deis/ports/registry'
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import type { RouteTable } from './domain/edge/routes.ts'
import { quarantineBackend } from './quarantine.ts'
import type { Peers } from './store/peers.ts'

type Deps = {
  readonly config: Config
  readonly routes: RouteTable
  /** Tells this installation from others on the same cluster. */
  readonly platform: string
  /** Of the registry that the platform runs on a Docker Engine. */
  readonly registryPassword: string
  readonly peers: Peers
  readonly log: Logger
  /** The program that builds inside a pod. */
  readonly runnerFile: string
  /** The argument vector of the program that packs and unpacks. */
  readonly archiveProgram: readonly string[]
  /** An app's own registry credentials, by registry host. */
  readonly appRegistry: (app: string) => Promise<Readonly<Record<string, Credentials>>>
  /** The port that the API listens on, known once it does. */
  readonly apiPort: () => number
}

export async function openBackend(deps: Deps): Promise<Backend> {
  const { config, routes, peers, archiveProgram } = deps
  const log: Log = (level, message, fields) => deps.log[level](fields, message)
  const drained = (app: string, address: string, signal: AbortSignal): Promise<void> =>
    routes.drained(app, [address], config.drainSeconds * 1000, signal)
  if (config.quarantine) return quarantineBackend()
  switch (config.scheduler) {
    case 'process': {
      const backend = await import('@deis/process')
      return backend.openBackend(config, {
        archiveProgram,
        drained,
        log,
      })
    }
    case 'docker': {
      const backend = await import('@deis/docker')
      return backend.openBackend(config, { ...deps, drained, log })
    }
    case 'kubernetes': {
      const backend = await import('@deis/kubernetes')
      return backend.openBackend(config, {
        ...deps,
        instance: peers.instance,
        alive: (other) => peers.alive(other),
        log,
      })
    }
  }
}
