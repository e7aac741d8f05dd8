// How do classic buildpacks turn a source into an image: a slug, compiled in a container, as a layer on the run image?
import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { imageLabels } from '@deis/container/image-labels'
import { slugLayer } from '@deis/container/layer'
import { createOutput } from '@deis/buildpacks/output'
import { checkOutcome } from '@deis/buildpacks/runner/outcome'
import {
  nodeName,
  outcomeLimit,
  runnerName,
  type SlugOrder,
  slugOrderName,
  slugStateName,
  sourceTarName,
  workFolder,
} from '@deis/buildpacks/runner/order'
import { ArchiveFailure } from '@deis/machine/archive'
import { BuildFailure, type BuildRequest, type BuildResult } from '@deis/ports/builder'
import { slugLauncher } from '@deis/ports/scheduler'
import { demux } from '../engine/demux.ts'
import { hasStatus } from '../engine/error.ts'
import { createContainer } from '../engine/create.ts'
import { Container } from '../engine/objects.ts'
import { ensureImage, pullAuth } from './base-image.ts'
import { buildImage } from './build-image.ts'
import { putFiles, takeFile } from './files.ts'
import { type BuildingOptions, maxOutputBytes } from './options.ts'
import { buildLabels, cacheVolume, removeVolume, resourcesOf } from './resources.ts'
import { removeContainer } from '../engine/remove.ts'

export type SlugBuild = {
  readonly options: BuildingOptions
  readonly request: BuildRequest
  /** The tar of the source. */
  readonly sourceFile: string
  readonly write: (text: string) => void
  readonly signal: AbortSignal
}

/** As on a cluster, and as stack images have it. */
const user = 1000
const stack = 'heroku-24'
const maxCacheBytes = 2 * 2 ** 30
const folder = workFolder.slice(1)
const results = `${workFolder}/results`

function orderOf({ options, request }: SlugBuild): SlugOrder {
  const { id, app, sha, config, noCache } = request
  return {
    id,
    app,
    sha,
    config,
    noCache: noCache || config.DEIS_DISABLE_CACHE !== undefined,
    stack,
    buildpacks: [...options.buildpacks],
    passEnv: Object.keys(options.env),
    timeoutSeconds: options.timeoutSeconds,
    maxCacheBytes,
    outcome: `file://${results}/outcome.json`,
    slug: `file://${results}/slug.tgz`,
    cache: '',
  }
}

/** A container without rights and credentials, with what it needs in it. */
async function prepare(build: SlugBuild): Promise<string> {
  const { options, request, sourceFile, signal } = build
  const { engine, images, env, networks, node } = options
  const body = {
    Image: images.stack,
    User: String(user),
    Entrypoint: [node === null ? 'node' : join(workFolder, nodeName), `${workFolder}/${runnerName}`, 'build'],
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    WorkingDir: '/',
    Labels: buildLabels(options, request),
    HostConfig: {
      ...resourcesOf(options.limits, engine.info),
      Init: engine.init,
      NetworkMode: await networks.ensure(request.app, signal),
      SecurityOpt: ['no-new-privileges=true'],
      CapDrop: ['ALL'],
      LogConfig: { Type: 'local', Config: { 'max-size': '10m', 'max-file': '3' } },
      Mounts: [
        {
          Type: 'volume',
          Source: cacheVolume(request.app),
          Target: `${workFolder}/${slugStateName}/cache`,
          VolumeOptions: { Labels: buildLabels(options, request, 'cache') },
        },
      ],
    },
  }
  await ensureImage(options, images.stack, request.app, signal)
  const name = `deis-build-${request.id}`
  const { Id } = await createContainer(engine, 'creating the container of the build', name, body, signal)
  try {
    const state = `${folder}/${slugStateName}`
    const given = [
      ...[folder, `${folder}/results`, state, `${state}/cache`, 'app'].map((path) => ({
        path,
        mode: 0o755,
        from: null,
      })),
      ...(node === null ? [] : [{ path: `${folder}/${nodeName}`, mode: 0o755, from: { file: node } }]),
      { path: `${folder}/${runnerName}`, mode: 0o644, from: { file: options.runnerFile } },
      { path: `${folder}/${slugOrderName}`, mode: 0o600, from: JSON.stringify(orderOf(build)) },
      { path: `${folder}/${sourceTarName}`, mode: 0o644, from: { file: sourceFile } },
    ]
    await putFiles(engine, Id, given, user, signal)
    return Id
  } catch (error) {
    await removeContainer(engine, Id)
    throw error
  }
}

/** Runs it to its end, with its output shown. */
async function compile({ options, write, signal }: SlugBuild, id: string): Promise<Container> {
  const { engine } = options
  await engine.send('starting the build', { method: 'POST', path: `/containers/${id}/start` }, signal)
  const shown = createOutput(write, maxOutputBytes).stream()
  const query = { follow: true, stdout: true, stderr: true }
  const path = `/containers/${id}/logs`
  const stream = await engine.stream('reading the output of the build', { method: 'GET', path, query }, signal)
  try {
    for await (const { bytes } of demux(stream as AsyncIterable<Buffer>)) shown.write(bytes)
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    shown.end()
    stream.destroy()
  }
  await engine.send('waiting for the build', { method: 'POST', path: `/containers/${id}/wait`, ms: 0 }, signal)
  return engine.read('looking at the build', Container, { method: 'GET', path: `/containers/${id}/json` }, signal)
}

/** @throws BuildFailure when it failed, in the words of what failed. */
async function outcomeOf({ options, signal }: SlugBuild, id: string, { State }: Container) {
  const { engine, limits } = options
  if (State.OOMKilled)
    throw new BuildFailure(
      `The build needed more memory than ${limits.memory} and was killed: raise DEIS_BUILD_MEMORY.`,
      State.ExitCode,
    )
  try {
    const outcome = checkOutcome(
      await text(await takeFile(engine, id, `${results}/outcome.json`, outcomeLimit, signal)),
    )
    if (outcome.failure) throw new BuildFailure(outcome.failure.message, outcome.failure.exitCode)
    return outcome
  } catch (error) {
    if (!hasStatus(error, 404)) throw error
    throw new BuildFailure(`The build ended with exit code ${State.ExitCode} and without a result.`, State.ExitCode)
  }
}

const dockerfile = (run: string): string =>
  [
    `FROM ${run}`,
    'ADD layer.tar /',
    `USER ${user}`,
    'WORKDIR /app',
    'ENV HOME=/app',
    `ENTRYPOINT ${JSON.stringify([slugLauncher])}`,
    'CMD []',
    '',
  ].join('\n')

export async function buildSlug(build: SlugBuild): Promise<BuildResult> {
  const { options, request, sourceFile, signal } = build
  const { engine, archiver, images } = options
  if (request.noCache || request.config.DEIS_DISABLE_CACHE !== undefined)
    await removeVolume(engine, cacheVolume(request.app), signal)
  const id = await prepare(build)
  const layerFile = `${sourceFile}.layer`
  try {
    const { processes } = await outcomeOf(build, id, await compile(build, id))
    const slug = await takeFile(engine, id, `${results}/slug.tgz`, options.maxSlugBytes, signal)
    const layer = slugLayer(archiver, slug, user, processes, signal)
    await pipeline(layer, createWriteStream(layerFile, { mode: 0o600 }), { signal }).catch((error: unknown) => {
      if (!(error instanceof ArchiveFailure)) throw error
      throw new BuildFailure(`The slug cannot be used: ${error.message}.`)
    })
    await ensureImage(options, images.run, request.app, signal)
    const image = await buildImage(
      {
        options,
        request,
        given: [
          { path: 'Dockerfile', mode: 0o644, from: dockerfile(images.run) },
          { path: 'layer.tar', mode: 0o644, from: { file: layerFile } },
        ],
        labels: imageLabels(request, 'slug', new Date()),
        headers: await pullAuth(options, request.app),
      },
      signal,
    )
    return {
      artifact: { kind: 'image', reference: image, launcher: 'slug' },
      processes,
      dockerfile: false,
      port: null,
    }
  } finally {
    await rm(layerFile, { force: true })
    await removeContainer(engine, id)
  }
}
