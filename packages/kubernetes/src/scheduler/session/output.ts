// How is what a command says handed over, piece by piece, to its last word?
import type { Outcome } from '../../client/socket.ts'
import type { SessionIo } from '@deis/ports/scheduler'
import { createEnding } from './end-marker.ts'

export type Output = {
  /** Resolves when it was taken, or nobody takes it any more. */
  hand(from: 'stdout' | 'stderr', chunk: Buffer): Promise<void>
  /** All has been handed over, to the last word; never, where none is said. */
  readonly ended: Promise<Outcome>
}

/** The last word comes in one piece, or nearly. */
const restMs = 200

function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => resolve()
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', end))
  })
}

/** Nothing is handed over before `begun`. `end`: the last word on every output; null: there is none. */
export function openOutput({ terminal, output, signal }: SessionIo, begun: Promise<void>, end: string | null): Output {
  const endings = { stdout: createEnding(end ?? ''), stderr: createEnding(end ?? '') }
  const finished = new AbortController()
  const ended = new Promise<Outcome>((resolve) =>
    finished.signal.addEventListener('abort', () => resolve({ code: endings.stdout.code(), message: '' })),
  )
  let handing = begun
  let timer: NodeJS.Timeout | undefined
  const pass = (from: 'stdout' | 'stderr', chunk: Buffer): Promise<void> => {
    handing = handing.then(async () => {
      if (chunk.length > 0 && !signal.aborted) await unlessAborted(output(from, chunk), signal)
    })
    return handing
  }
  const isOver = (): boolean => endings.stdout.code() !== null && (terminal !== null || endings.stderr.code() !== null)

  return {
    ended,
    async hand(from, chunk) {
      if (end === null) return pass(from, chunk)
      clearTimeout(timer)
      await pass(from, endings[from].feed(chunk))
      if (isOver()) finished.abort()
      else if (endings.stdout.keeps() || endings.stderr.keeps())
        timer = setTimeout(() => {
          // Who cannot take it hears of it with the next piece.
          for (const one of ['stdout', 'stderr'] as const) pass(one, endings[one].release()).catch(() => {})
        }, restMs).unref()
    },
  }
}
