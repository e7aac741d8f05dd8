// How are apps built on a Docker Engine?
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isDockerfileApp, keepSource } from '@deis/container/source'
import { createOutput } from '@deis/buildpacks/output'
import { warnSubmodules } from '@deis/buildpacks/submodules'
import { isAppId } from '@deis/ports/names'
import { ContainerList } from '../engine/objects.ts'
import { buildLabel, kindLabel, ofPlatform } from '../labels.ts'
import { BuildFailure, type Builder, type BuildRequest, type BuildResult } from '@deis/ports/builder'
import { buildDockerfile } from './dockerfile.ts'
import { forgetImages, pruneImages } from './images.ts'
import { type DockerBuilderOptions, maxOutputBytes } from './options.ts'
import { cacheVolume, removeVolume } from './resources.ts'
import { removeContainer } from '../engine/remove.ts'
import { buildSlug } from './slug.ts'

const workMs = 300_000
const idPattern = /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/

function check({ app, id, sha }: Pick<BuildRequest, 'app' | 'id' | 'sha'>): void {
  if (!isAppId(app)) throw new Error(`${JSON.stringify(app)} is not an app id`)
  if (!idPattern.test(id)) throw new Error(`${JSON.stringify(id)} is not a build id`)
  if (!/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(sha)) throw new Error(`${JSON.stringify(sha)} is not a commit id`)
}

async function buildOnce(
  options: DockerBuilderOptions,
  request: BuildRequest,
  sourceFile: string,
  write: (text: string) => void,
  signal: AbortSignal,
): Promise<BuildResult> {
  const tar = request.source()
  const source = await keepSource(options.archiver, tar, sourceFile, signal).finally(() => tar.destroy())
  warnSubmodules(createOutput(write, maxOutputBytes), request.submodules ?? [])
  if (isDockerfileApp(source, request.config))
    return buildDockerfile({ options, request, source, sourceFile, write, signal })
  return buildSlug({ options, request, sourceFile, write, signal })
}

export async function createDockerBuilder(options: DockerBuilderOptions): Promise<Builder> {
  const { folder, timeoutSeconds, engine, platform } = options
  const where = { engine, platform }
  const building = new Set<string>()
  await mkdir(folder, { recursive: true, mode: 0o700 })
  // Left by a killed controller: no other one uses this folder.
  for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true })
  return {
    name: 'docker',
    expect: () => options.archiver.expect(1),
    async build(request, write, cancelled) {
      check(request)
      cancelled.throwIfAborted()
      const deadline = AbortSignal.timeout(timeoutSeconds * 1000)
      const sourceFile = join(folder, `${request.id}.tar`)
      building.add(request.id)
      try {
        return await buildOnce(options, request, sourceFile, write, AbortSignal.any([cancelled, deadline]))
      } catch (error) {
        if (cancelled.aborted) throw cancelled.reason
        if (!deadline.aborted) throw error
        throw new BuildFailure(
          `The build took longer than ${timeoutSeconds} seconds and was stopped: make it faster, or set DEIS_BUILD_TIMEOUT.`,
        )
      } finally {
        building.delete(request.id)
        await rm(sourceFile, { force: true })
      }
    },
    // Of Dockerfiles the engine itself ends those whose connection is gone.
    async recover() {
      const filters = { label: [ofPlatform(platform), `${kindLabel}=build`] }
      const call = { method: 'GET', path: '/containers/json', query: { all: true, filters } } as const
      for (const { Id, Labels } of await engine.read(
        'listing builds',
        ContainerList,
        call,
        AbortSignal.timeout(workMs),
      ))
        if (!building.has(Labels?.[buildLabel] ?? '')) await removeContainer(engine, Id)
    },
    prune: (keep) => pruneImages(where, keep, AbortSignal.timeout(workMs)),
    async forget(app) {
      if (!isAppId(app)) throw new Error(`${JSON.stringify(app)} is not an app id`)
      await forgetImages(where, app, AbortSignal.timeout(workMs))
      await removeVolume(engine, cacheVolume(app), AbortSignal.timeout(workMs))
    },
    checks: async () => [
      { name: 'Dockerfile builds', status: 'ok', detail: `by the engine, limited to ${options.limits.memory}` },
      { name: 'stack image', status: 'ok', detail: options.images.stack },
      { name: 'run image', status: 'ok', detail: options.images.run },
    ],
  }
}
