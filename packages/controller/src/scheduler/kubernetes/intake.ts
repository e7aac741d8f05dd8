// How is each line of a pod taken in once, whichever stream brings it?
import type { Readable } from 'node:stream'
import type { Kube, Query } from '../../kube/client.ts'
import { createEntryReader, type Entry } from './logs-lines.ts'

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
/** A stream that is further behind than so many lines is not overtaken. */
const maxCatchUpLines = 1_000

export function openIntake({ kube, path, after, take }: IntakeDeps): Intake {
  /** The time of the last line taken; null: not looked up yet. */
  let last: string | null = null
  /** Up to which time the stream under way says nothing new. */
  let known = ''
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
  /** `last` is set before anything is awaited, so that two streams never take the same line. */
  const accept = async (entries: readonly Entry[], newerThan: string): Promise<void> => {
    const fresh = entries.filter(({ stamp }) => stamp > newerThan)
    const newest = fresh.at(-1)?.stamp ?? ''
    // A clock that was set back loses nothing as long as the stream lasts, and brings nothing twice after it.
    if (newest > (last ?? '')) last = newest
    if (fresh.length > 0) await take(fresh)
  }

  return {
    async read(container, query, signal) {
      const body = await open(container, query, signal)
      known = last ?? ''
      half = []
      const reader = createEntryReader()
      try {
        for await (const chunk of body) await accept(reader.push(chunk as Buffer), known)
      } finally {
        body.destroy()
      }
      half = reader.flush()
    },
    takeHalf: () => accept(half.splice(0), known),
    async catchUp(container, signal) {
      const body = await open(container, { tailLines: maxCatchUpLines }, signal)
      const reader = createEntryReader()
      const entries: Entry[] = []
      for await (const chunk of body) entries.push(...reader.push(chunk as Buffer))
      const before = last ?? ''
      // These are not all since the last one: to take them would be to lose those in between.
      if (entries.length >= maxCatchUpLines && (entries[0]?.stamp ?? '') > before) return
      const taken = accept(entries, before)
      // The stream brings the same lines, only later.
      if ((last ?? '') > before) known = last ?? ''
      await taken
    },
  }
}
