// What happens in one build, from the commit's tree to the slug (docs/contract/build-and-route.md §2.2)?
import { createHash } from 'node:crypto'
import { mkdir, statfs, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Accounts, RunAs } from '@deis/machine/accounts'
import type { Copies } from '@deis/machine/copies'
import { discard } from '@deis/machine/discard'
import type { Isolation } from '@deis/machine/isolation'
import { ArchiveFailure, type Archiver } from '@deis/machine/archive'
import { BuildFailure, type BuildRequest, type BuildResult } from '@deis/ports/builder'
import { BadProcfile, parseProcfile, releaseNotice } from '@deis/ports/procfile'
import { builtInStep } from './built-in.ts'
import { type Cache, openCache } from './cache.ts'
import { buildEnvironment, decodeSshKey, sshKeyFile, type EnvironmentSettings, writeEnvDir } from './environment.ts'
import { detectedSteps, externalSteps } from './heroku/external.ts'
import { type AppFiles, appFiles } from './files.ts'
import { createContext, type BuildContext } from './context.ts'
import { notUsed } from './not-used.ts'
import { type BuildOutput, createOutput } from './output.ts'
import { createRun, killLeft, killOrphans } from './run.ts'
import { humanSize } from './size.ts'
import { ignoredPaths, makeSlug } from './slug.ts'
import type { Step } from './step.ts'
import { warnSubmodules } from './submodules.ts'
import { grantAccess, makeFor, openWorkspace, recordGroup, revokeAccess, type Workspace } from './workspace.ts'

export type BuildSettings = EnvironmentSettings & {
  /** Where builds work. */
  readonly builds: string
  readonly caches: string
  readonly slugFolder: string
  readonly accounts: Accounts
  readonly archiver: Archiver
  readonly isolation: Isolation
  readonly minFreeBytes: number
  readonly maxOutputBytes: number
  readonly maxCacheBytes: number
  readonly maxSlugBytes: number
  /** Tried before the built-in ones. */
  readonly buildpacks: readonly string[]
  /** Gets what is built, for the first process that starts; null: none starts here. */
  readonly copies: Copies | null
}

// A push is smaller than what it unpacks to; this is for archives made to fill the disk.
const sourceLimits = { entries: 500_000, bytes: 8 * 2 ** 30 }

async function checkDisk({ builds, minFreeBytes }: BuildSettings): Promise<void> {
  const { bavail, bsize } = await statfs(builds)
  if (bavail * bsize < minFreeBytes)
    throw new BuildFailure(
      `The platform's disk is nearly full: ${humanSize(bavail * bsize)} are free, and a build needs ${humanSize(minFreeBytes)}. Nothing was built. Push again when there is more space.`,
    )
}

async function fetchSource(request: BuildRequest, { app, output }: BuildParts): Promise<void> {
  try {
    for (const { path, why } of await app.unpackTree(() => request.source(), sourceLimits))
      output.warn(`Left out: ${path} (${why})`)
  } catch (error) {
    if (!(error instanceof ArchiveFailure)) throw error
    throw new BuildFailure(`The source cannot be unpacked: ${error.message}.`)
  }
}

async function refuseDockerfile(files: AppFiles, config: BuildRequest['config']): Promise<void> {
  if (config.BUILDPACK_URL || (await files.has('.buildpacks')) || !(await files.has('Dockerfile'))) return
  throw new BuildFailure(
    'This app has a Dockerfile, which this platform (one machine without a container runtime) cannot build. Remove or rename the Dockerfile (or set BUILDPACK_URL) to use a buildpack, or run the platform on Docker or Kubernetes.',
  )
}

async function readProcfile(files: AppFiles): Promise<Record<string, string> | null> {
  const text = await files.read('Procfile')
  try {
    return text === null ? null : parseProcfile(text)
  } catch (error) {
    if (!(error instanceof BadProcfile)) throw error
    throw new BuildFailure(error.message.startsWith('Procfile') ? `${error.message}.` : `Procfile: ${error.message}.`)
  }
}

async function cacheKey(files: AppFiles, settings: BuildSettings, config: BuildRequest['config']): Promise<string> {
  const { stack, buildpacks } = settings
  const parts = [stack, config.BUILDPACK_URL ?? '', (await files.read('.buildpacks')) ?? '', ...buildpacks]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

/** Files for this build only: its config, its key, its git settings. */
async function writeBuildFiles(workspace: Workspace, config: BuildRequest['config']): Promise<void> {
  await writeEnvDir(workspace.env, config)
  // Buildpacks in local repositories do not belong to the app's user.
  await writeFile(join(workspace.home, '.gitconfig'), '[safe]\n\tdirectory = *\n[advice]\n\tdetachedHead = false\n')
  if (config.SSH_KEY === undefined) return
  await mkdir(dirname(sshKeyFile(workspace)), { mode: 0o700 })
  await writeFile(sshKeyFile(workspace), decodeSshKey(config.SSH_KEY), { mode: 0o600 })
}

async function hook(
  context: BuildContext,
  name: string,
  shell: string,
  extra: Record<string, string> = {},
): Promise<void> {
  const path = `bin/${name}`
  if (!(await context.files.has(path))) return
  context.output.title(`Running ${name} hook`)
  const { app, cache, env } = context.workspace
  await context.must(path, shell, ['-c', 'chmod +x "$1" && exec "$@"', 'hook', `./${path}`, app, cache, env], {
    env: extra,
  })
}

/** @returns the default process types of the last buildpack and its name. */
async function compile(
  context: BuildContext,
  steps: readonly Step[],
  shell: string,
): Promise<[Record<string, string>, string]> {
  let name = ''
  let extra = {}
  for (const [index, step] of steps.entries()) {
    name = await step.detect()
    context.output.title(`${name} app detected`)
    if (index === 0) await hook(context, 'pre-compile', shell)
    extra = await step.compile()
  }
  const defaults = (await steps.at(-1)?.release()) ?? {}
  await hook(context, 'post-compile', shell, extra)
  return [defaults, name]
}

function report(output: BuildOutput, declared: Record<string, string> | null, defaults: object, name: string): void {
  output.title('Discovering process types')
  const list = (types: object): string => Object.keys(types).join(', ')
  if (declared) output.note(`Procfile declares types -> ${list(declared)}`)
  const notice = releaseNotice(declared)
  if (notice !== null) output.warn(notice)
  if (Object.keys(defaults).length > 0) output.note(`Default process types for ${name} -> ${list(defaults)}`)
  else if (!declared) output.note('None: add a Procfile with a line such as `web: command` to run this app.')
}

type BuildParts = {
  readonly workspace: Workspace
  readonly cache: Cache
  readonly output: BuildOutput
  readonly app: ReturnType<Archiver['open']>
  readonly files: AppFiles
  readonly runAs: RunAs | null
}

async function buildIn(
  settings: BuildSettings,
  request: BuildRequest,
  parts: BuildParts,
  signal: AbortSignal,
): Promise<BuildResult> {
  const { workspace, cache, output, app, files, runAs } = parts
  const { config } = request
  // Without `later` the files of the build are gone before anything starts.
  const copies = request.later ? settings.copies : null
  await fetchSource(request, parts)
  warnSubmodules(output, request.submodules ?? [])
  await refuseDockerfile(files, config)
  for (const line of await notUsed(files, config)) output.warn(line)
  await readProcfile(files)
  const caching = !request.noCache && config.DEIS_DISABLE_CACHE === undefined
  if (caching) {
    await cache.restore(workspace.cache, await cacheKey(files, settings, config), output)
  } else {
    await cache.drop()
    await makeFor(workspace.cache, runAs)
  }
  await writeBuildFiles(workspace, config)
  await grantAccess(workspace, runAs)

  const started = (group: Parameters<typeof recordGroup>[1]): Promise<void> => recordGroup(workspace, group)
  const run = createRun({ build: request.id, isolation: settings.isolation, runAs, signal, started })
  const env = buildEnvironment(settings, workspace, request)
  const context = createContext(
    { workspace, files, output, archiver: settings.archiver, config, env, signal },
    run,
    app,
  )
  const steps = (await externalSteps(context, settings.shell, runAs)) ??
    (await detectedSteps(context, settings.shell, runAs, settings.buildpacks)) ?? [await builtInStep(context)]
  // While tools work there is time to start what comes after them.
  settings.archiver.expect(caching ? 1 : 0)
  const [defaults, name] = await compile(context, steps, settings.shell)
  const ignored = await ignoredPaths(context)

  await killLeft(request.id, settings.isolation)
  await revokeAccess(workspace)
  const declared = await readProcfile(files)
  report(output, declared, defaults, name)
  // Side by side: each is a program that reads another folder. Both are over when this goes on.
  const [packed, saved] = await Promise.allSettled([
    makeSlug(settings, app, request.id, ignored, copies !== null),
    caching ? cache.save(workspace.cache, output) : null,
  ])
  if (packed.status === 'rejected') throw packed.reason
  if (saved.status === 'rejected') throw saved.reason
  const slug = packed.value
  if (slug.settled) copies?.offer({ app: request.app, digest: slug.digest, folder: workspace.app })
  for (const { path, why } of slug.leftOut) output.warn(`Left out of the slug: ${path} (${why})`)
  output.title(`Compiled slug size is ${humanSize(slug.size)}`)
  return {
    artifact: { kind: 'slug', digest: slug.digest },
    processes: declared ?? defaults,
    dockerfile: false,
    port: null,
  }
}

/** When this ends, however it ends, no process of the build is left, and no file but what `later` gets. */
export async function build(
  settings: BuildSettings,
  request: BuildRequest,
  write: (text: string) => void,
  signal: AbortSignal,
): Promise<BuildResult> {
  signal.throwIfAborted()
  await checkDisk(settings)
  const runAs = await settings.accounts.of(request.app)
  const output = createOutput(write, settings.maxOutputBytes)
  const cache = openCache(join(settings.caches, request.app), settings.maxCacheBytes, settings.archiver, runAs)
  const workspace = await openWorkspace(settings.builds, request.id, runAs)
  const app = settings.archiver.open(workspace.app, { runAs, signal })
  let later: BuildRequest['later']
  try {
    const parts = { workspace, cache, output, app, files: appFiles(app), runAs }
    const result = await buildIn(settings, request, parts, signal)
    later = request.later
    return result
  } catch (error) {
    await killOrphans(request.id)
    await revokeAccess(workspace)
    await cache.putBack(workspace.cache, !signal.aborted)
    throw error
  } finally {
    await app.close()
    if (later)
      later(() => {
        settings.copies?.withdraw(workspace.app)
        return discard(workspace.root)
      })
    else await discard(workspace.root)
  }
}
