// How are apps built on a cluster, each in a Job of its own (docs/architecture.md)?
import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Check } from '@deis/types'
import { type Job, pathOf } from '../client/objects.ts'
import { controllerKey, heritageSelector } from '../cluster/labels.ts'
import { chosen, type Kind as Way, kindOf } from '@deis/buildpacks/cnb/choice'
import { rebaseImage } from '@deis/buildpacks/cnb/rebase'
import { createSbomReader } from '@deis/buildpacks/cnb/sbom'
import { imageTag, repositoryOf } from '@deis/container/image-names'
import { createOutput } from '@deis/buildpacks/output'
import { warnSubmodules } from '@deis/buildpacks/submodules'
import { BuildFailure, type Builder, type BuildRequest, type BuildResult } from '@deis/ports/builder'
import { ImageError } from '@deis/ports/registry'
import { openCaches } from './cache.ts'
import { checkBuilder } from './checks.ts'
import { buildCnb } from './cnb-build.ts'
import { buildDockerfile } from './dockerfile-build.ts'
import { appsOf, forgetImages, pruneImages } from '@deis/container/registry-images'
import { buildLabel, type Kind, jobName } from './names.ts'
import { ForeignNamespace, prepareNamespace } from './namespace.ts'
import { complete, type JobBuilderOptions, type Settings } from './options.ts'
import type { BuildContext } from './context.ts'
import { removeJob } from './remove.ts'
import { buildSlugImage } from './slug-build.ts'
import { keepSource } from '@deis/container/source'
import { architectureOf } from '@deis/registry/facts'

export { createHandOff } from './handoff.ts'
export type { JobBuilderOptions } from './options.ts'

const appPattern = /^[a-z0-9][a-z0-9-]{0,127}$/
const idPattern = /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/
const registryWorkMs = 300_000

function check({ app, id, sha }: Pick<BuildRequest, 'app' | 'id' | 'sha'>): void {
  if (!appPattern.test(app)) throw new Error(`${JSON.stringify(app)} is not an app id`)
  if (!idPattern.test(id)) throw new Error(`${JSON.stringify(id)} is not a build id`)
  if (!/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(sha)) throw new Error(`${JSON.stringify(sha)} is not a commit id`)
}

const ways: Readonly<Record<Way, { readonly kind: Kind; build(context: BuildContext): Promise<BuildResult> }>> = {
  dockerfile: { kind: 'dockerbuild', build: buildDockerfile },
  classic: { kind: 'slugbuild', build: buildSlugImage },
  cnb: { kind: 'cnbbuild', build: buildCnb },
}

async function buildOnce(settings: Settings, context: Omit<BuildContext, 'source'>): Promise<BuildResult> {
  const { kube, namespace, log } = settings
  const { request, sourceFile, signal } = context
  try {
    await prepareNamespace(settings, signal)
  } catch (error) {
    if (error instanceof ForeignNamespace) throw new BuildFailure(`The platform cannot build: ${error.message}.`)
    throw error
  }
  const tar = request.source()
  const source = await keepSource(settings.archiver, tar, sourceFile, signal).finally(() => tar.destroy())
  const output = createOutput(context.write, settings.maxOutputBytes)
  const way = kindOf(source, request, settings.cnb ?? { plain: 'classic' })
  const { kind, build } = ways[way]
  // Where there is a choice, users learn what was chosen.
  if (settings.cnb) output.title(chosen[way])
  warnSubmodules(output, request.submodules ?? [])
  const job = { namespace, name: jobName(kind, request), build: request.id }
  try {
    const result = await build({ ...context, source })
    // After a success, the caller does not wait for the removal of the Job.
    removeJob(kube, job).catch((error: unknown) => log('warn', 'a Job of a build could not be deleted', { job, error }))
    return result
  } catch (error) {
    await removeJob(kube, job).catch((left: unknown) =>
      log('error', 'a Job of a build could not be deleted', { job, error: left }),
    )
    throw error
  }
}

export async function createJobBuilder(options: JobBuilderOptions): Promise<Builder> {
  const settings = complete(options)
  const { kube, registry, namespace, target, timeoutSeconds, instance, alive, cacheFolder, log } = settings
  const sources = join(cacheFolder, 'sources')
  const caches = await openCaches(join(cacheFolder, 'caches'))
  await mkdir(sources, { recursive: true, mode: 0o700 })
  // Left by a killed controller: no other one uses this folder.
  for (const name of await readdir(sources)) await rm(join(sources, name), { recursive: true, force: true })
  const readSbom = createSbomReader({ registry, archiver: settings.archiver, folder: sources })
  /** Apps built since the start: they may have images without a release. */
  const built = new Set<string>()
  const building = new Set<string>()

  const isOrphaned = async (job: Job): Promise<boolean> => {
    const owner = job.metadata?.labels?.[controllerKey]
    if (owner === undefined) return false
    return owner === instance ? !building.has(job.metadata?.labels?.[buildLabel] ?? '') : !(await alive(owner))
  }

  return {
    name: 'kubernetes',
    cnb: settings.cnb !== undefined,
    expect: () => settings.archiver.expect(1),
    async build(request, write, cancelled) {
      check(request)
      cancelled.throwIfAborted()
      const deadline = AbortSignal.timeout(timeoutSeconds * 1000)
      const over = new AbortController()
      const signal = AbortSignal.any([cancelled, deadline, over.signal])
      // Every hand-off adds a listener.
      setMaxListeners(0, signal)
      const sourceFile = join(sources, `${request.id}.tar`)
      built.add(request.app)
      building.add(request.id)
      try {
        return await buildOnce(settings, { settings, caches, request, sourceFile, now: new Date(), write, signal })
      } catch (error) {
        if (cancelled.aborted) throw cancelled.reason
        if (!deadline.aborted) throw error
        throw new BuildFailure(
          `The build took longer than ${timeoutSeconds} seconds and was stopped: make it faster, or set DEIS_BUILD_TIMEOUT.`,
        )
      } finally {
        over.abort(new Error('the build is over'))
        building.delete(request.id)
        await rm(sourceFile, { force: true })
      }
    },
    async rebase(request, signal) {
      check(request)
      built.add(request.app)
      return rebaseImage(registry, request, imageTag(request, new Date()), signal)
    },
    sbom: readSbom,
    images: {
      platform: { os: 'linux', architecture: architectureOf(process.arch) },
      read: (reference, use, signal) => registry.readStored(reference, use, signal),
      async write(app, image, signal) {
        check({ app, id: 'none', sha: '0'.repeat(40) })
        if (target.host === '')
          throw new ImageError(
            'the platform has no registry for images',
            'set DEIS_REGISTRY_HOSTNAME (docs/settings.md)',
          )
        built.add(app)
        const tag = imageTag({ sha: image.manifest.digest.slice('sha256:'.length), id: randomUUID() }, new Date())
        return registry.writeStored(repositoryOf(target, app), tag, image, signal)
      },
    },
    async recover() {
      const { items } = await kube.list<Job>(pathOf('batch/v1/Job', namespace), {
        query: { labelSelector: `${heritageSelector},${controllerKey}` },
      })
      const ended: string[] = []
      for (const job of items) {
        if (!(await isOrphaned(job))) continue
        const { name = '', labels } = job.metadata ?? {}
        await removeJob(kube, { namespace, name, build: labels?.[buildLabel] ?? '' })
        ended.push(name)
      }
      if (ended.length > 0) log('warn', 'ended builds that an earlier controller left', { builds: ended })
    },
    async prune(keep, signal) {
      // Without a registry, no image was ever pushed.
      if (target.host === '') return
      const apps = new Set([...appsOf(target, keep), ...built])
      const late = AbortSignal.timeout(registryWorkMs)
      await pruneImages(registry, target, apps, keep, AbortSignal.any([signal, late]))
    },
    async forget(app, references) {
      check({ app, id: 'none', sha: '0'.repeat(40) })
      built.delete(app)
      await caches.drop(app)
      if (target.host === '') return
      await forgetImages(registry, target, app, references, AbortSignal.timeout(registryWorkMs))
    },
    checks: (): Promise<readonly Check[]> => checkBuilder(settings),
  }
}
