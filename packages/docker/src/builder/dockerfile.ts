// How does the engine build a Dockerfile (docs/contract/build-and-route.md §3)? By its classic builder, which every engine has
// and which keeps to limits of memory and CPU.
import { createReadStream } from 'node:fs'
import { buildArguments } from '@deis/container/build-arguments'
import { imageLabels } from '@deis/container/image-labels'
import { amountOf, cpuQuantity } from '@deis/container/quantity'
import { processesOf, type Source } from '@deis/container/source'
import { createOutput } from '@deis/buildpacks/output'
import { createSplitter } from '@deis/lib/split'
import { BuildFailure, type BuildRequest, type BuildResult } from '@deis/ports/builder'
import { releaseNotice } from '@deis/ports/procfile'
import { authKey } from '@deis/registry/reference'
import { EngineError } from '../engine/error.ts'
import { BuiltImage } from '../engine/objects.ts'
import { appLabel, kindLabel, platformLabel } from '../labels.ts'
import { type DockerBuilderOptions, maxOutputBytes } from './options.ts'
import { stepOf } from './progress.ts'

export type DockerfileBuild = {
  readonly options: DockerBuilderOptions
  readonly request: BuildRequest
  readonly source: Source
  /** The tar of the source. */
  readonly sourceFile: string
  readonly write: (text: string) => void
  readonly signal: AbortSignal
}

const maxLine = 1024 * 1024
const periodMicros = 100_000
/** The exit code of a command that was killed, most likely for its memory. */
const killed = 137

/** `deis/<app>:b-<build>`: the tag protects the image from a prune of untagged ones. */
const tagOf = ({ app, id }: Pick<BuildRequest, 'app' | 'id'>): string => `deis/${app}:b-${id}`

async function registryConfig({ options, request }: DockerfileBuild): Promise<Record<string, string>> {
  const all = { ...options.credentials, ...(await options.appRegistry(request.app)) }
  if (Object.keys(all).length === 0) return {}
  const config = Object.fromEntries(Object.entries(all).map(([host, one]) => [authKey(host), one]))
  return { 'x-registry-config': Buffer.from(JSON.stringify(config)).toString('base64url') }
}

function failureOf(message: string, code: number | null, memory: string): BuildFailure {
  const text = message.replaceAll(/\s+/g, ' ').trim().slice(0, 500)
  if (code === killed)
    return new BuildFailure(
      `The build was killed, most likely because it needed more memory than ${memory}: raise DEIS_BUILD_MEMORY.`,
      code,
    )
  return new BuildFailure(`The Dockerfile could not be built: ${text.replace(/\.$/, '')}.`, code)
}

export async function buildDockerfile(build: DockerfileBuild): Promise<BuildResult> {
  const { options, request, source, sourceFile, write, signal } = build
  const { engine, platform, limits, env } = options
  // An invalid Procfile is reported before minutes of building.
  const processes = processesOf(source)
  const output = createOutput(write, maxOutputBytes)
  const notice = releaseNotice(processes)
  if (notice !== null) output.warn(notice)
  const { args, skipped } = buildArguments(request.config)
  if (skipped.length > 0) output.note(`Not passed as build arguments: ${skipped.join(', ')}`)
  const memory = amountOf(limits.memory)
  const cores = amountOf(cpuQuantity(limits.cpu))
  const labels = {
    ...imageLabels(request, 'dockerfile', new Date()),
    [platformLabel]: platform,
    [appLabel]: request.app,
    [kindLabel]: 'image',
  }
  const stream = await engine.stream(
    'building the Dockerfile',
    {
      method: 'POST',
      path: '/build',
      query: {
        version: '1',
        dockerfile: 'Dockerfile',
        t: tagOf(request),
        buildargs: { ...env, ...args },
        labels,
        nocache: request.noCache || request.config.DEIS_DISABLE_CACHE !== undefined,
        rm: true,
        forcerm: true,
        ...(memory === null ? {} : { memory, memswap: memory }),
        ...(cores === null ? {} : { cpuperiod: periodMicros, cpuquota: Math.round(cores * periodMicros) }),
      },
      tar: createReadStream(sourceFile),
      headers: await registryConfig(build),
      // The head of the answer comes when the source was sent.
      ms: options.timeoutSeconds * 1000,
    },
    signal,
  )
  const shown = output.stream()
  let image: string | null = null
  let failure: BuildFailure | null = null
  const take = (lines: readonly string[]): void => {
    for (const line of lines) {
      const step = stepOf(line)
      if (step?.kind === 'text') shown.write(Buffer.from(step.text))
      else if (step?.kind === 'image') image = step.id
      else if (step) failure = failureOf(step.message, step.code, limits.memory)
    }
  }
  const splitter = createSplitter(maxLine)
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) take(splitter.push(chunk))
    take(splitter.flush())
  } catch (error) {
    signal.throwIfAborted()
    throw new EngineError(`building the Dockerfile: ${(error as Error).message}`, 0, { cause: error })
  } finally {
    shown.end()
  }
  if (failure !== null) throw failure as BuildFailure
  if (image === null) throw new BuildFailure('The build ended without an image.')
  const path = `/images/${image}/json`
  const { Config } = await engine.read('looking at the image', BuiltImage, { method: 'GET', path }, signal)
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
