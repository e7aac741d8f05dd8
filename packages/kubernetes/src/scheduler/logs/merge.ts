// How is each line of a pod taken in once, whichever stream brings it?
import type { Readable } from 'node:stream'
import type { Kube, Query } from '../../client/client.ts'
import { createEntryReader, type Entry } from './lines.ts'

export type Intake = {
  /** One stream to its end. */
  read(container: string, query: Query, signal: AbortSignal): Promise<void>
  /** The last line of that stream had no end, and will not come again as a whole. */
  takeHalf(): Promise<void>
  /** What has been said until now, while a stream is under way that may be behind. */
  catchUp(container: string, signal: AbortSignal): Promise<void>
}

export type IntakeDeps = {
  readonly kube: Kube
  /** `/api/v1/namespaces/…/pods/…/log` */
  readonly path: string
  /** Up to which time lines are known from before; an empty text: none. */
  readonly after: () => Promise<string>
  /** The next ones come when these have been taken. */
  readonly take: (entries: readonly Entry[]) => Promise<void>
}

/** At most so many lines from before we came; the file of the whole app holds about as many. */
const maxOldLines = 10_000
/** Mostly few are missing. What a catch-up leaves out comes late, after newer lines. */
const catchUpLines = [1_000, maxOldLines]

export function openIntake({ kube, path, after, take }: IntakeDeps): Intake {
  /** The time of the last line that a stream has brought; null: not looked up yet. */
  let last: string | null = null
  /** Up to which time the stream under way says nothing new. */
  let known = ''
  /** Times of lines that were taken before the stream brought them. It may be behind by a life of the container. */
  const overtaken = new Set<string>()
  let half: Entry[] = []

  const open = async (container: string, query: Query, signal: AbortSignal): Promise<Readable> => {
    if (last === null) {
      const from = await after()
      last ??= from
    }
    // The API knows whole seconds only.
    const sinceTime = last === '' ? undefined : `${last.slice(0, 19)}Z`
    return kube.stream(path, { container, timestamps: true, tailLines: maxOldLines, sinceTime, ...query }, signal)
  }
  /** A clock that was set back loses nothing as long as the stream lasts, and brings nothing twice after it. */
  const accept = async (entries: readonly Entry[]): Promise<void> => {
    const fresh = entries.filter(({ stamp }) => stamp > known && !overtaken.has(stamp))
    const newest = entries.at(-1)?.stamp ?? ''
    if (newest > (last ?? '')) last = newest
    // Parts of one line have the same time: that of the newest is still needed.
    for (const stamp of overtaken) if (stamp < newest) overtaken.delete(stamp)
    if (fresh.length > 0) await take(fresh)
  }

  return {
    async read(container, query, signal) {
      const body = await open(container, query, signal)
      known = last ?? ''
      half = []
      const reader = createEntryReader()
      try {
        for await (const chunk of body) await accept(reader.push(chunk as Buffer))
      } finally {
        body.destroy()
      }
      half = reader.flush()
    },
    takeHalf: () => accept(half.splice(0)),
    async catchUp(container, signal) {
      let entries: Entry[] = []
      for (const tailLines of catchUpLines) {
        const body = await open(container, { tailLines }, signal)
        const reader = createEntryReader()
        entries = []
        for await (const chunk of body) entries.push(...reader.push(chunk as Buffer))
        if (entries.length < tailLines || (entries[0]?.stamp ?? '') <= (last ?? '')) break
      }
      const fresh = entries.filter(({ stamp }) => stamp > (last ?? '') && !overtaken.has(stamp))
      for (const { stamp } of fresh) overtaken.add(stamp)
      if (fresh.length > 0) await take(fresh)
    },
  }
}
