// How is the backend "process" opened, where apps are processes of this machine, built with its own toolchains?
import { join } from 'node:path'
import { createNativeBuilder } from '@deis/buildpacks/create'
import { openSlugs } from '@deis/buildpacks/slugs'
import { type Accounts, openAccounts } from '@deis/machine/accounts'
import { createArchiver } from '@deis/machine/archive'
import { openCopies } from '@deis/machine/copies'
import { openFirewall } from '@deis/machine/firewall'
import { openIsolation } from '@deis/machine/isolation'
import { noLimits, openLimits } from '@deis/machine/limits'
import { findShell } from '@deis/machine/shell'
import { findTar } from '@deis/machine/tar'
import type { Backend, Log } from '@deis/ports/backend'
import { createProcessScheduler } from './scheduler/create.ts'

export type ProcessSettings = {
  readonly dataDir: string
  /** PATH of apps and builds. */
  readonly path: string
  /** LANG, LC_ALL and TZ of the controller, where it has them. */
  readonly locale: Readonly<Record<string, string>>
  /** The ports of apps, both ends included. */
  readonly portFirst: number
  readonly portLast: number
  /** The user that the router of this machine runs as; null: that of the controller. */
  readonly routerUser: string | null
  readonly buildTimeoutSeconds: number
  readonly maxSlugBytes: number
  /** Further variables of all builds. */
  readonly buildEnv: Readonly<Record<string, string>>
}

/** Owns nothing anywhere. */
const nobody = { uid: 65_534, gid: 65_534 }

type Deps = {
  /** The argument vector of the program that packs and unpacks. */
  readonly archiveProgram: readonly string[]
  /** Resolves when no router sends or holds requests to an address of an app. */
  readonly drained: (app: string, address: string, signal: AbortSignal) => Promise<void>
  readonly log: Log
  /** Default: one user for each app of the data folder. */
  readonly accounts?: Accounts
}

export async function openBackend(settings: ProcessSettings, deps: Deps): Promise<Backend> {
  const { archiveProgram, drained, log } = deps
  const { dataDir, path, locale, buildTimeoutSeconds, maxSlugBytes, buildEnv } = settings
  const accounts = deps.accounts ?? (await openAccounts(dataDir))
  if (!accounts.isolated) log('warn', 'apps are not isolated from each other', { reason: accounts.reason })
  const isolation = await openIsolation()
  if (isolation.kind === 'group') log('warn', 'processes may outlive their apps', { reason: isolation.detail })
  const limits =
    isolation.kind === 'namespace'
      ? await openLimits(isolation.path)
      : noLimits('without PID namespaces of root nothing limits what apps take')
  const ports = { first: settings.portFirst, last: settings.portLast }
  const firewall = await openFirewall({
    folder: dataDir,
    path,
    ports,
    routerUser: settings.routerUser,
    failed: (error) => log('error', 'ports of apps could not be closed again', { err: error }),
    slow: (seconds) => log('warn', `waiting up to ${seconds} s for nft: the kernel may be loading its modules`, {}),
  })
  const archiver = createArchiver(archiveProgram, await findTar())
  const shell = findShell(path)
  const copies = openCopies()
  const slugFolder = join(dataDir, 'slugs')
  const shared = { slugFolder, accounts, archiver, isolation, path, shell, log }
  const scheduler = await createProcessScheduler({
    ...shared,
    folder: join(dataDir, 'ps'),
    ports,
    limits,
    firewall,
    drained,
    copies,
    locale,
  })
  const builder = await createNativeBuilder({
    ...shared,
    folder: join(dataDir, 'builder'),
    timeoutSeconds: buildTimeoutSeconds,
    maxSlugBytes,
    copies,
    passEnv: { ...locale, ...buildEnv },
  })
  const slugs = openSlugs(slugFolder, { archiver, runAs: accounts.isolated ? nobody : null })
  return { scheduler, builder, registry: null, slugs, intercept: null, close: async () => {} }
}
