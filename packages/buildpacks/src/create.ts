// How are apps built on this machine with the toolchains it has (docs/architecture.md)?
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Accounts } from '@deis/machine/accounts'
import type { Copies } from '@deis/machine/copies'
import { discard } from '@deis/machine/discard'
import type { Isolation } from '@deis/machine/isolation'
import type { Archiver } from '@deis/machine/archive'
import { BuildFailure, type Builder } from '@deis/ports/builder'
import { build } from './build.ts'
import { deleteSlugs, pruneSlugs } from './slugs.ts'
import { toolchains } from './toolchains.ts'
import { recoverWorkspaces } from './workspace.ts'

export type NativeBuilderOptions = {
  /** The builder's own: work folders and caches. App users must be able to reach it. */
  readonly folder: string
  readonly slugFolder: string
  readonly accounts: Accounts
  readonly archiver: Archiver
  readonly isolation: Isolation
  /** PATH of builds. */
  readonly path: string
  /** bash where there is one. */
  readonly shell: string
  /** The one deadline of a build. */
  readonly timeoutSeconds: number
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields: Record<string, unknown>) => void
  /** Variables of the platform that tools need: proxies, registries, certificates. Default: none. */
  readonly passEnv?: Readonly<Record<string, string>>
  /** STACK, default heroku-24. */
  readonly stack?: string
  /** URLs of buildpacks that are tried in order, by their detect, before the built-in ones; default: none. */
  readonly buildpacks?: readonly string[]
  /** Gets an unpacked copy of what is built, where that is started here next. */
  readonly copies?: Copies
  /** No build begins with less free disk; default 200 MB. */
  readonly minFreeBytes?: number
  /** Output of tools beyond this is not shown; default 10 MB. */
  readonly maxOutputBytes?: number
  /** A larger cache is not kept; default 2 GB. */
  readonly maxCacheBytes?: number
  /** No slug becomes larger; default 2 GB. */
  readonly maxSlugBytes?: number
}

const appPattern = /^[a-z0-9][a-z0-9-]{0,127}$/

function checkApp(app: string): void {
  if (!appPattern.test(app)) throw new Error(`${JSON.stringify(app)} is not an app ID`)
}

function diskFull(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOSPC' || code === 'EDQUOT' ? new BuildFailure("The platform's disk is full.") : error
}

export async function createNativeBuilder(options: NativeBuilderOptions): Promise<Builder> {
  const { folder, slugFolder, accounts, archiver, isolation, path, shell, timeoutSeconds, log } = options
  const builds = join(folder, 'builds')
  const caches = join(folder, 'cache')
  // Passable, not readable: what a build may enter is a matter of its own folder.
  await mkdir(builds, { recursive: true, mode: 0o711 })
  await mkdir(caches, { recursive: true, mode: 0o700 })
  await mkdir(slugFolder, { recursive: true, mode: 0o700 })
  const settings = {
    builds,
    caches,
    slugFolder,
    accounts,
    archiver,
    isolation,
    path,
    shell,
    stack: options.stack ?? 'heroku-24',
    passEnv: options.passEnv ?? {},
    buildpacks: options.buildpacks ?? [],
    copies: options.copies ?? null,
    minFreeBytes: options.minFreeBytes ?? 200 * 2 ** 20,
    maxOutputBytes: options.maxOutputBytes ?? 10_000_000,
    maxCacheBytes: options.maxCacheBytes ?? 2 * 2 ** 30,
    maxSlugBytes: options.maxSlugBytes ?? 2 * 2 ** 30,
  }
  let recovered = false
  return {
    name: 'native',
    expect: () => archiver.expect(1),
    async build(request, output, signal) {
      checkApp(request.app)
      const deadline = AbortSignal.timeout(timeoutSeconds * 1000)
      try {
        return await build(settings, request, output, AbortSignal.any([signal, deadline]))
      } catch (error) {
        if (signal.aborted) throw signal.reason
        if (!deadline.aborted) throw diskFull(error)
        throw new BuildFailure(
          `The build took longer than ${timeoutSeconds} seconds and was stopped: make it faster, or set DEIS_BUILD_TIMEOUT.`,
        )
      }
    },
    async recover() {
      // Builds on this machine belong to this controller, so those that run before its start are orphans.
      if (recovered) return
      recovered = true
      const ended = await recoverWorkspaces(builds)
      if (ended.length > 0) log('warn', 'ended builds that an earlier controller left', { builds: ended })
    },
    prune: (keep, signal) => pruneSlugs(slugFolder, keep, signal),
    async forget(app, digests) {
      checkApp(app)
      await discard(join(caches, app))
      await deleteSlugs(slugFolder, digests)
    },
    checks: () => toolchains(path, accounts.isolated),
  }
}
