// How does the engine's classic builder make an image of a Dockerfile and what lies beside it? Every engine has it, and it keeps
// to limits of memory and CPU.
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { createSplitter } from '@deis/lib/split'
import { BuildFailure, type BuildRequest } from '@deis/ports/builder'
import { EngineError } from '../engine/error.ts'
import { entries, type Given } from './files.ts'
import { watchLayers } from './layers.ts'
import type { BuildingOptions } from './options.ts'
import { stepOf } from './progress.ts'
import { buildLabels, resourcesOf } from './resources.ts'

/** What both builders of the engine are told. */
export type ImageOrder = {
  readonly options: BuildingOptions
  readonly request: BuildRequest
  readonly labels: Readonly<Record<string, string>>
  readonly args?: Readonly<Record<string, string>>
  /** The stage that is the image; null: the last. */
  readonly target?: string | null
  readonly noCache?: boolean
  /** Takes what it prints; default: nobody does. */
  readonly show?: (text: string) => void
}

export type ImageBuild = ImageOrder & {
  /** The files, or the tar of all of them. */
  readonly given: readonly Given[] | { readonly tar: string }
  readonly headers: Readonly<Record<string, string>>
}

const maxLine = 1024 * 1024
/** The exit code of a command that was killed, most likely for its memory. */
const killed = 137

/** Those that every Dockerfile takes. Others it would have to declare, and the engine warns of each that it does not. */
const proxiesOf = (env: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(env).filter(([name]) => /^(https?|no)_proxy$/i.test(name)))

/** `deis/<app>:b-<build>`: the tag protects the image from a prune of untagged ones. */
const tagOf = ({ app, id }: BuildRequest): string => `deis/${app}:b-${id}`

export function imageQuery({ options, request, labels, args = {}, target, noCache = false }: ImageOrder) {
  return {
    dockerfile: 'Dockerfile',
    t: tagOf(request),
    buildargs: { ...proxiesOf(options.env), ...args },
    labels: { ...labels, ...buildLabels(options, request, 'image') },
    target: target ?? undefined,
    nocache: noCache,
  }
}

export function failureText(message: string): string {
  const text = message.replaceAll(/\s+/g, ' ').trim().slice(0, 500)
  return `The image could not be built: ${text.replace(/\.$/, '')}.`
}

function failureOf(message: string, code: number | null, memory: string): BuildFailure {
  if (code === killed)
    return new BuildFailure(
      `The build was killed, most likely because it needed more memory than ${memory}: raise DEIS_BUILD_MEMORY.`,
      code,
    )
  return new BuildFailure(failureText(message), code)
}

/** @returns its id. @throws BuildFailure */
export async function buildImage(build: ImageBuild, signal: AbortSignal): Promise<string> {
  const { options, given, headers, show = () => {} } = build
  const { engine, limits } = options
  const { Memory, MemorySwap, CpuPeriod, CpuQuota } = resourcesOf(limits, engine.info)
  const stream = await engine.stream(
    'building the image',
    {
      method: 'POST',
      path: '/build',
      query: {
        ...imageQuery(build),
        version: '1',
        rm: true,
        forcerm: true,
        memory: Memory,
        memswap: MemorySwap,
        cpuperiod: CpuPeriod,
        cpuquota: CpuQuota,
      },
      tar: 'tar' in given ? createReadStream(given.tar) : Readable.from(entries(given, 0)),
      headers,
      // The head of the answer comes when the source was sent.
      ms: options.timeoutSeconds * 1000,
    },
    signal,
  )
  const layers = watchLayers()
  const began = Date.now()
  const found: { image: string | null; failure: BuildFailure | null } = { image: null, failure: null }
  const take = (lines: readonly string[]): void => {
    for (const line of lines) {
      const step = stepOf(line)
      if (step?.kind === 'text') {
        layers.take(step.text)
        show(step.text)
      }
      if (step?.kind === 'image') found.image = step.id
      if (step?.kind === 'error') found.failure = failureOf(step.message, step.code, limits.memory)
    }
  }
  const splitter = createSplitter(maxLine)
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) take(splitter.push(chunk))
    take(splitter.flush())
  } catch (error) {
    signal.throwIfAborted()
    throw new EngineError(`building the image: ${(error as Error).message}`, 0, { cause: error })
  } finally {
    await options.layers.note(layers, began)
  }
  if (found.failure) throw found.failure
  if (found.image === null) throw new BuildFailure('The build ended without an image.')
  return found.image
}
