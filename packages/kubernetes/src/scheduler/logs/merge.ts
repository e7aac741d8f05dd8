// How is each log line of a pod stored once, whichever stream brings it?
import type { Readable } from 'node:stream'
import type { Kube, Query } from '../../client/client.ts'
import type { Entry } from '@deis/container/stamp'
import { createEntryReader } from './lines.ts'

export type LogMerger = {
  /** Reads one stream to its end. */
  read(container: string, query: Query, signal: AbortSignal): Promise<void>
  /** Accepts the last line of that stream, which had no end and will not come again complete. */
  acceptPartialLine(): Promise<void>
  /** Takes all lines until now, while an open stream may be behind. */
  catchUp(container: string, signal: AbortSignal): Promise<void>
}

export type LogMergerDeps = {
  readonly kube: Kube
  /** `/api/v1/namespaces/…/pods/…/log` */
  readonly path: string
  /** The time up to which lines are already stored; an empty text: none. */
  readonly after: () => Promise<string>
  /** Stores lines. The next ones come when this has resolved. */
  readonly take: (entries: readonly Entry[]) => Promise<void>
}

/** At most so many lines from before the start; the file of the whole app holds about as many. */
const maxOldLines = 10_000
/** Usually few lines are missing. Lines beyond this come later from the stream, after newer ones. */
const catchUpLines = [1_000, maxOldLines]

export function openLogMerger({ kube, path, after, take }: LogMergerDeps): LogMerger {
  /** The time of the last line that a stream has brought; null: not looked up yet. */
  let last: string | null = null
  /** The time up to which the open stream brings nothing new. */
  let known = ''
  /** Times of lines that `catchUp` took before the stream, which may still be in the container's previous run. */
  const takenEarly = new Set<string>()
  let partialLine: Entry[] = []

  const open = async (container: string, query: Query, signal: AbortSignal): Promise<Readable> => {
    if (last === null) {
      const from = await after()
      last ??= from
    }
    // The API knows whole seconds only.
    const sinceTime = last === '' ? undefined : `${last.slice(0, 19)}Z`
    return kube.stream(path, { container, timestamps: true, tailLines: maxOldLines, sinceTime, ...query }, signal)
  }
  /** When a clock is set back, no line is lost while the stream is open, and none comes twice after it. */
  const accept = async (entries: readonly Entry[]): Promise<void> => {
    const fresh = entries.filter(({ stamp }) => stamp > known && !takenEarly.has(stamp))
    const newest = entries.at(-1)?.stamp ?? ''
    if (newest > (last ?? '')) last = newest
    // Parts of one line have the same time: that of the newest is still needed.
    for (const stamp of takenEarly) if (stamp < newest) takenEarly.delete(stamp)
    if (fresh.length > 0) await take(fresh)
  }

  return {
    async read(container, query, signal) {
      const body = await open(container, query, signal)
      known = last ?? ''
      partialLine = []
      const reader = createEntryReader()
      try {
        for await (const chunk of body) await accept(reader.push(chunk as Buffer))
      } finally {
        body.destroy()
      }
      partialLine = reader.flush()
    },
    acceptPartialLine: () => accept(partialLine.splice(0)),
    async catchUp(container, signal) {
      let entries: Entry[] = []
      for (const tailLines of catchUpLines) {
        const body = await open(container, { tailLines }, signal)
        const reader = createEntryReader()
        entries = []
        for await (const chunk of body) entries.push(...reader.push(chunk as Buffer))
        if (entries.length < tailLines || (entries[0]?.stamp ?? '') <= (last ?? '')) break
      }
      const fresh = entries.filter(({ stamp }) => stamp > (last ?? '') && !takenEarly.has(stamp))
      for (const { stamp } of fresh) takenEarly.add(stamp)
      if (fresh.length > 0) await take(fresh)
    },
  }
}
