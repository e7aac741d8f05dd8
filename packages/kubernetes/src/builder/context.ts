// What does every build need, and how does it show its output?
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { type BuildOutput, createOutput } from '@deis/buildpacks/output'
import { plain } from '@deis/buildpacks/text'
import type { BuildRequest } from '@deis/ports/builder'
import type { FetchOrder } from '@deis/buildpacks/runner/order'
import type { Caches } from './cache.ts'
import type { Settings } from './options.ts'
import type { Reporter } from './run.ts'
import type { Source } from '@deis/container/source'

export { asBuildFailure } from '@deis/container/image-failure'

export type BuildContext = {
  readonly settings: Settings
  readonly caches: Caches
  readonly request: BuildRequest
  readonly source: Source
  /** The tar of the source. */
  readonly sourceFile: string
  readonly now: Date
  readonly write: (text: string) => void
  /** Aborts when the build is over, however it ended. */
  readonly signal: AbortSignal
}

/** Lines of the pod come from the user's code: they are sanitized and limited. */
export function reporterOf({ settings, write }: BuildContext): Reporter & Pick<BuildOutput, 'title' | 'warn'> {
  const { title, note, warn } = createOutput(write, settings.maxOutputBytes)
  let shown = 0
  let isFull = false
  return {
    title,
    note,
    warn,
    line(line) {
      if (isFull) return
      const text = `${plain(line)}\n`
      shown += Buffer.byteLength(text)
      isFull = shown > settings.maxOutputBytes
      if (!isFull) write(text)
      else note(`The output is longer than ${Math.round(settings.maxOutputBytes / 1e6)} MB, the rest is not shown.`)
    },
  }
}

/** The URLs that the first container gets; everything else is in the order. */
export function offerOrder(
  { settings, sourceFile, signal }: BuildContext,
  order: Omit<FetchOrder, 'source'>,
): { readonly runner: string; readonly order: string } {
  const { handOff, runnerFile } = settings
  const source = handOff.offer(() => createReadStream(sourceFile), signal).url
  const text = JSON.stringify({ ...order, source } satisfies FetchOrder)
  return {
    runner: handOff.offer(() => createReadStream(runnerFile), signal).url,
    order: handOff.offer(() => Readable.from([Buffer.from(text)]), signal).url,
  }
}
