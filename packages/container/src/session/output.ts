// How is a command's output passed on, chunk by chunk, up to its end marker?
import { unlessAborted } from '@deis/lib/wait'
import type { SessionIo } from '@deis/ports/scheduler'
import { createEndMarkerFilter } from '../end-marker.ts'
import type { Outcome } from './socket.ts'

export type Output = {
  /** Begins to pass on what was held back until now, and all that follows. */
  begin(): void
  /** Resolves when the chunk was taken, or the session was aborted. */
  write(from: 'stdout' | 'stderr', chunk: Buffer): Promise<void>
  /** Resolves when all output up to the end marker was passed on; never without a marker. */
  readonly ended: Promise<Outcome>
}

/** How long the beginning of a possible end marker waits for the rest of it. */
const holdMs = 200

/** `end`: the end marker of both outputs; null: there is none. */
export function openOutput({ terminal, output, signal }: SessionIo, end: string | null): Output {
  const filters = { stdout: createEndMarkerFilter(end ?? ''), stderr: createEndMarkerFilter(end ?? '') }
  const finished = new AbortController()
  const ended = new Promise<Outcome>((resolve) =>
    finished.signal.addEventListener('abort', () => resolve({ code: filters.stdout.code(), message: '' })),
  )
  let begin = (): void => {}
  let passing = new Promise<void>((resolve) => {
    begin = resolve
  })
  let timer: NodeJS.Timeout | undefined
  const pass = (from: 'stdout' | 'stderr', chunk: Buffer): Promise<void> => {
    passing = passing.then(async () => {
      if (chunk.length > 0 && !signal.aborted) await unlessAborted(output(from, chunk), signal)
    })
    return passing
  }
  const isOver = (): boolean => filters.stdout.code() !== null && (terminal !== null || filters.stderr.code() !== null)

  return {
    begin: () => begin(),
    ended,
    async write(from, chunk) {
      if (end === null) return pass(from, chunk)
      clearTimeout(timer)
      await pass(from, filters[from].feed(chunk))
      if (isOver()) finished.abort()
      else if (filters.stdout.isHolding() || filters.stderr.isHolding())
        timer = setTimeout(() => {
          // An output that fails is reported with the next chunk.
          for (const one of ['stdout', 'stderr'] as const) pass(one, filters[one].release()).catch(() => {})
        }, holdMs).unref()
    },
  }
}
