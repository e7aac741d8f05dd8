// How does a Dockerfile that was pushed become an image (docs/contract/build-and-route.md §3)?
import { buildArguments, buildTarget } from '@deis/container/build-arguments'
import { imageLabels } from '@deis/container/image-labels'
import { processesOf, type Source } from '@deis/container/source'
import { createOutput } from '@deis/buildpacks/output'
import { BuildFailure, type BuildRequest, type BuildResult } from '@deis/ports/builder'
import type { Registry } from '@deis/ports/registry'
import { releaseNotice } from '@deis/ports/procfile'
import { hasStatus } from '../engine/error.ts'
import { BuiltImage } from '../engine/objects.ts'
import { pullAuth } from './base-image.ts'
import { buildImage, failureText } from './build-image.ts'
import { buildByBuildKit } from './buildkit/build.ts'
import { chooseBuilder } from './buildkit/choice.ts'
import { frontendFailure } from './buildkit/frontend.ts'
import { contextOf } from './context.ts'
import { refuseForeignImages } from './foreign.ts'
import { heredocFailure, refuseHeredocs } from './heredoc.ts'
import { withFiltered } from './filtered.ts'
import { type BuildingOptions, maxOutputBytes } from './options.ts'

export type DockerfileBuild = {
  readonly options: BuildingOptions
  readonly registry: Registry
  readonly request: BuildRequest
  readonly source: Source
  /** The tar of the source. */
  readonly sourceFile: string
  readonly write: (text: string) => void
  readonly signal: AbortSignal
}

export async function buildDockerfile(build: DockerfileBuild): Promise<BuildResult> {
  const { options, registry, request, source, write, signal } = build
  const { config, app } = request
  // An invalid Procfile is reported before minutes of building.
  const processes = processesOf(source)
  const output = createOutput(write, maxOutputBytes)
  const notice = releaseNotice(processes)
  if (notice !== null) output.warn(notice)
  const { args, skipped } = buildArguments(config)
  if (skipped.length > 0) output.note(`Not passed as build arguments: ${skipped.join(', ')}`)
  const target = buildTarget(config)
  const noCache = request.noCache || config.DEIS_DISABLE_CACHE !== undefined
  const shown = output.stream()
  let image: string
  try {
    const { keeps, dockerfile, isLink } = await contextOf(build)
    await refuseForeignImages({ options, registry, app, signal }, dockerfile, args)
    const by = await chooseBuilder(build, isLink ? null : dockerfile)
    output.note(by.said)
    if (by.session === null) refuseHeredocs(dockerfile)
    const order = {
      options,
      request,
      labels: imageLabels(request, 'dockerfile', new Date()),
      args,
      target,
      noCache,
      show: (text: string) => shown.write(Buffer.from(text)),
    }
    try {
      image = await withFiltered(build, keeps, async ({ file }) => {
        if (by.session === null)
          return buildImage({ ...order, given: { tar: file }, headers: await pullAuth(options, app) }, signal)
        const cacheNamespace = await options.buildKitCache.namespace(app, noCache)
        return buildByBuildKit({ ...order, file, session: by.session, cacheNamespace }, signal)
      })
    } catch (error) {
      // The classic builder refuses what it cannot read at once.
      const failure = hasStatus(error, 400) ? new BuildFailure(failureText((error as Error).message)) : error
      if (!(failure instanceof BuildFailure)) throw failure
      if (by.session === null) throw failure
      const told = frontendFailure(failure, dockerfile)
      throw told ?? heredocFailure(failure, dockerfile, `Docker ${options.engine.version}`) ?? failure
    } finally {
      by.session?.close()
      // The app does not wait for it.
      if (by.session) void options.buildKitCache.prune()
    }
  } finally {
    shown.end()
  }
  const call = { method: 'GET', path: `/images/${image}/json` } as const
  const { Config } = await options.engine.read('looking at the image', BuiltImage, call, signal)
  const ports = Object.keys(Config?.ExposedPorts ?? {})
    .flatMap((name) => (/^\d{1,5}(\/tcp)?$/.test(name) ? [Number.parseInt(name, 10)] : []))
    .toSorted((one, other) => one - other)
  return {
    artifact: { kind: 'image', reference: image, launcher: 'none' },
    processes,
    dockerfile: true,
    port: ports[0] ?? null,
  }
}
