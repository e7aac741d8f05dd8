// How are apps built on a Docker Engine?
import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { chosen, kindOf } from '@deis/buildpacks/cnb/choice'
import { rebaseImage } from '@deis/buildpacks/cnb/rebase'
import { createSbomReader } from '@deis/buildpacks/cnb/sbom'
import { imageTag, repositoryOf } from '@deis/container/image-names'
import { appsOf, forgetImages as forgetPushed, pruneImages as prunePushed } from '@deis/container/registry-images'
import { keepSource } from '@deis/container/source'
import { createOutput } from '@deis/buildpacks/output'
import { warnSubmodules } from '@deis/buildpacks/submodules'
import { unlessAborted } from '@deis/lib/wait'
import { isAppId } from '@deis/ports/names'
import { BuildFailure, type Builder, type BuildRequest, type BuildResult } from '@deis/ports/builder'
import type { Registry } from '@deis/ports/registry'
import { createRegistry } from '@deis/registry/create'
import { kindLabel, ofApp, ofPlatform } from '../labels.ts'
import { copiesOf, dropCopies, pruneCopies } from './copies.ts'
import { buildCnb, type CnbBuild } from './cnb.ts'
import { checkBuilder } from './checks.ts'
import { openBuildKitCache } from './buildkit/cache.ts'
import { buildDockerfile } from './dockerfile.ts'
import { fullDiskFailure, watchDisk } from './full-disk.ts'
import { isDue, keepHouse } from './housekeeping.ts'
import { forgetImages, pruneImages } from './images.ts'
import { type DockerBuilderOptions, maxOutputBytes } from './options.ts'
import { openLayers } from './layers.ts'
import { removeLeft } from './recover.ts'
import { pushBuilt, type Pushing } from './push-built.ts'
import { openOwnRegistry, type OwnRegistry, type Destination } from './registry.ts'
import { removeVolume } from './resources.ts'
import { buildSlug } from './slug.ts'
import { createTransfer, exportsOf } from './transfer.ts'
import { listVolumes } from './volumes.ts'

const workMs = 300_000
const housekeepingMs = 1_200_000
const idPattern = /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/

function check({ app, id, sha }: Pick<BuildRequest, 'app' | 'id' | 'sha'>): void {
  if (!isAppId(app)) throw new Error(`${JSON.stringify(app)} is not an app id`)
  if (!idPattern.test(id)) throw new Error(`${JSON.stringify(id)} is not a build id`)
  if (!/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(sha)) throw new Error(`${JSON.stringify(sha)} is not a commit id`)
}

type Parts = Pick<CnbBuild, 'options' | 'registry' | 'destination'> & Pick<Pushing, 'inUse'>

async function buildOnce(
  parts: Parts,
  { request, sourceFile, write, signal }: Pick<CnbBuild, 'request' | 'sourceFile' | 'write' | 'signal'>,
): Promise<BuildResult> {
  const { options, registry, inUse } = parts
  const tar = request.source()
  const source = await keepSource(options.archiver, tar, sourceFile, signal).finally(() => tar.destroy())
  const output = createOutput(write, maxOutputBytes)
  const kind = kindOf(source, request, options.cnb)
  // Where there is a choice, users learn what was chosen.
  output.title(chosen[kind])
  warnSubmodules(output, request.submodules ?? [])
  const pushed = (result: BuildResult): Promise<BuildResult> =>
    pushBuilt({ options, request, write, inUse, signal }, result)
  switch (kind) {
    case 'dockerfile':
      return pushed(await buildDockerfile({ options, registry, request, source, sourceFile, write, signal }))
    case 'cnb':
      return buildCnb({ ...parts, request, source, sourceFile, write, signal })
    case 'classic':
      return pushed(await buildSlug({ options, request, sourceFile, write, signal }))
  }
}

/** Where images go that are not the engine's own: the operator's registry, or the platform's. */
function destinationOf(target: DockerBuilderOptions['target'], own: OwnRegistry | null): CnbBuild['destination'] {
  if ('host' in target) {
    const destination: Destination = {
      ...target,
      outside: target.host,
      inside: target.host,
      network: null,
      credentials: {},
    }
    return async () => destination
  }
  if (!own) throw new Error('there is no registry')
  return (signal) => own.ensure(signal)
}

export async function createDockerBuilder(given: DockerBuilderOptions): Promise<Builder> {
  const { folder, timeoutSeconds, engine, platform, registries, target, networks, log } = given
  const where = { engine, platform }
  const { stateFolder, layerCacheBytes: limit, buildpackCacheBytes: cacheLimit } = given
  const options = {
    ...given,
    layers: openLayers({ engine, file: join(stateFolder, 'layers.json'), limit, log }),
    buildKitCache: openBuildKitCache({ engine, file: join(stateFolder, 'buildkit.json'), limit, log }),
  }
  await mkdir(folder, { recursive: true, mode: 0o700 })
  // Left by a killed controller: no other one uses this folder.
  for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true })
  const own = 'image' in target ? openOwnRegistry({ ...where, ...target, networks }) : null
  const all = own
    ? {
        ...registries,
        insecure: [...registries.insecure, own.outside],
        credentials: { ...registries.credentials, ...own.credentials },
      }
    : registries
  const registry: Registry = createRegistry(all)
  const destination = destinationOf(target, own)
  const inUse = new Set<string>()
  const copiesFile = join(stateFolder, 'copies.json')
  const parts: Parts = { options, registry, destination, inUse }
  const readSbom = createSbomReader({ registry, archiver: options.archiver, folder })
  const transfer = createTransfer({ engine, platform, registry, registries: all, destination, inUse })
  const building = new Set<string>()
  /** The registry rests meanwhile: whatever asks it waits for the end. */
  let keeping: Promise<void> | null = null
  const kept = async (signal: AbortSignal): Promise<void> => {
    if (keeping) await unlessAborted(keeping, signal)
    signal.throwIfAborted()
  }
  const keepHouseNow = async (): Promise<void> => {
    if (keeping || building.size > 0 || !(await isDue(stateFolder, Date.now())) || building.size > 0) return
    keeping = keepHouse({ ...where, folder: stateFolder, own, cacheLimit, log }, AbortSignal.timeout(housekeepingMs))
      .catch((error: unknown) => log('warn', 'the disk could not be tidied', { err: error }))
      .finally(() => {
        keeping = null
      })
  }
  /** Apps built since the start: they may have images without a release. */
  const built = new Set<string>()
  /** What an app keeps between builds has one user at a time. */
  const lines = new Map<string, Promise<unknown>>()
  const inLine = async <T>(app: string, work: () => Promise<T>): Promise<T> => {
    const before = lines.get(app) ?? Promise.resolve()
    const mine = before.then(work, work)
    lines.set(app, mine)
    try {
      return await mine
    } finally {
      if (lines.get(app) === mine) lines.delete(app)
    }
  }
  /** Null: no image was ever pushed. */
  const pushed = async (signal: AbortSignal): Promise<{ host: string; organization: string } | null> => {
    if (own && !(await own.isThere(signal))) return null
    const { outside, organization } = await destination(signal)
    return { host: outside, organization }
  }

  /** One from before it asked for a password gets it now, not with the next build. */
  const lockRegistry = async (): Promise<void> => {
    const signal = AbortSignal.timeout(workMs)
    try {
      if (own && (await own.isThere(signal))) await own.ensure(signal)
    } catch (error) {
      log('warn', 'the registry of the platform does not run', { err: error })
    }
  }

  /** The registry does not rest meanwhile. */
  const awake = async <T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
    const id = randomUUID()
    building.add(id)
    try {
      await kept(signal)
      return await work()
    } finally {
      building.delete(id)
    }
  }

  return {
    name: 'docker',
    cnb: true,
    images: {
      platform: transfer.platform,
      read: (reference, use, signal) => awake(signal, () => transfer.read(reference, use, signal)),
      write(app, image, signal) {
        check({ app, id: 'none', sha: '0'.repeat(40) })
        built.add(app)
        return awake(signal, () => transfer.write(app, image, signal))
      },
    },
    expect: () => options.archiver.expect(1),
    async build(request, write, cancelled) {
      check(request)
      cancelled.throwIfAborted()
      const deadline = AbortSignal.timeout(timeoutSeconds * 1000)
      const signal = AbortSignal.any([cancelled, deadline])
      const sourceFile = join(folder, `${request.id}.tar`)
      building.add(request.id)
      built.add(request.app)
      const disk = watchDisk(engine, write)
      try {
        await kept(signal)
        return await inLine(request.app, () => buildOnce(parts, { request, sourceFile, write: disk.write, signal }))
      } catch (error) {
        if (cancelled.aborted) throw cancelled.reason
        if (deadline.aborted)
          throw new BuildFailure(
            `The build took longer than ${timeoutSeconds} seconds and was stopped: make it faster, or set DEIS_BUILD_TIMEOUT.`,
          )
        const full = await disk.full(error)
        if (full === null) throw error
        if (full === 'engine') await Promise.all([options.buildKitCache.empty(), options.layers.empty()])
        throw fullDiskFailure(error, full)
      } finally {
        building.delete(request.id)
        await rm(sourceFile, { force: true })
      }
    },
    async rebase(request, signal) {
      check(request)
      building.add(request.id)
      built.add(request.app)
      try {
        await kept(signal)
        // Both may be in the registry that the platform runs.
        await destination(signal)
        return await rebaseImage(registry, request, imageTag(request, new Date()), signal)
      } finally {
        building.delete(request.id)
      }
    },
    async sbom(request, signal) {
      await kept(signal)
      await destination(signal)
      return readSbom(request, signal)
    },
    async recover() {
      const left = await removeLeft({ ...where, networks, building }, AbortSignal.timeout(workMs))
      if (left.length > 0) log('warn', 'ended builds that an earlier controller left', { builds: left })
      await lockRegistry()
    },
    async prune(wanted, cancelled) {
      const signal = AbortSignal.any([cancelled, AbortSignal.timeout(workMs)])
      const keep = new Set([...wanted, ...inUse])
      await pruneImages(where, keep, signal)
      await kept(signal)
      const to = await pushed(signal)
      const apps = new Set(to ? [...appsOf(to, keep), ...built, exportsOf(platform)] : [])
      // A registry that is away keeps nothing in the engine.
      const beginnings = to ? copiesOf(to, own ? 'all' : apps) : []
      // No app has this name: one after the other, as they write to one file.
      await inLine('', () => pruneCopies({ engine, file: copiesFile }, beginnings, keep, signal))
      if (to) await prunePushed(registry, to, apps, keep, signal)
      await keepHouseNow()
    },
    async forget(app, artifacts) {
      if (!isAppId(app)) throw new Error(`${JSON.stringify(app)} is not an app id`)
      const signal = AbortSignal.timeout(workMs)
      built.delete(app)
      await forgetImages(where, app, signal)
      await options.buildKitCache.forget(app)
      await kept(signal)
      const labels = [ofPlatform(platform), ofApp(app), `${kindLabel}=cache`]
      for (const { name } of await listVolumes(engine, labels, signal)) await removeVolume(engine, name, signal)
      const to = await pushed(signal)
      if (!to) return
      await dropCopies(where, [`${repositoryOf(to, app)}@`], () => false, signal)
      await forgetPushed(registry, to, app, artifacts, signal)
    },
    checks: () => checkBuilder({ options, registry, own }),
  }
}
