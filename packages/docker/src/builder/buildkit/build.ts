// How does BuildKit in the engine make an image of a Dockerfile and what lies beside it?
import { createReadStream } from 'node:fs'
import { createSplitter } from '@deis/lib/split'
import { BuildFailure } from '@deis/ports/builder'
import { EngineError } from '../../engine/error.ts'
import { failureText, imageQuery, type ImageOrder } from '../build-image.ts'
import { stepOf } from '../progress.ts'
import type { Session } from './session.ts'
import { createShow, exitCodeIn, type FailedStep } from './show.ts'
import { traceOf } from './trace.ts'

/** What a step printed in a tenth of a second, in base64. */
const maxMessage = 16 * 1024 * 1024
const killed = 137

/** Pure. The step and what it printed have been shown. */
export function failureOf(message: string, step: FailedStep | null): BuildFailure {
  const code = step?.code ?? exitCodeIn(message)
  if (step === null || code === null) return new BuildFailure(failureText(step?.error ?? message), code ?? undefined)
  const name = step.name.replaceAll(/\s+/g, ' ').slice(0, 200)
  const why = code === killed ? ': it was killed, most likely because this server ran out of memory' : ''
  return new BuildFailure(`The image could not be built: ${name} ended with exit code ${code}${why}.`, code)
}

/** Its last lines once more: steps run side by side. */
const excerptOf = ({ name, lines }: FailedStep): string =>
  [`The last lines of ${name}:`, ...lines.map((line) => `  ${line}`), ''].join('\n')

export type BuildKitOrder = ImageOrder & {
  /** The tar of the source. */
  readonly file: string
  readonly session: Session
  /** Caches that steps mount (`RUN --mount=type=cache`) are its own. */
  readonly cacheNamespace: string
}

/** @returns the image's id. @throws BuildFailure */
export async function buildByBuildKit(order: BuildKitOrder, signal: AbortSignal): Promise<string> {
  const { options, file, show = () => {}, session, cacheNamespace } = order
  const query = imageQuery({ ...order, args: { ...order.args, BUILDKIT_CACHE_MOUNT_NS: cacheNamespace } })
  const stream = await options.engine.stream(
    'building the image',
    {
      method: 'POST',
      path: '/build',
      query: { ...query, version: '2', session: session.id },
      tar: createReadStream(file),
      // The head of the answer comes when the source was sent.
      ms: options.timeoutSeconds * 1000,
    },
    signal,
  )
  const shown = createShow((line) => show(`${line}\n`))
  const found: { image: string | null; error: string | null } = { image: null, error: null }
  const take = (lines: readonly string[]): void => {
    for (const line of lines) {
      const step = stepOf(line)
      if (step?.kind === 'image') found.image = step.id
      if (step?.kind === 'error') found.error = step.message
      const trace = step?.kind === 'trace' ? traceOf(step.message) : null
      if (trace) shown.take(trace)
    }
  }
  const splitter = createSplitter(maxMessage)
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) take(splitter.push(chunk))
    take(splitter.flush())
  } catch (error) {
    signal.throwIfAborted()
    throw new EngineError(`building the image: ${(error as Error).message}`, 0, { cause: error })
  }
  shown.end()
  for (const warning of shown.warnings()) show(`Warning: ${warning}\n`)
  if (found.error !== null) {
    const failed = shown.failed()
    if (failed && failed.lines.length > 0) show(excerptOf(failed))
    throw failureOf(found.error, failed)
  }
  if (found.image === null) throw new BuildFailure('The build ended without an image.')
  return found.image
}
