// Where are the log lines of an app's pods stored, and up to which time?
import { openLogFile } from '@deis/lib/log-file'
import { parseLine } from '@deis/ports/lines'
import type { LogLine } from '@deis/ports/scheduler'
import type { Entry } from './stamp.ts'

export type AppLog = {
  /** The time after which lines of this source are new; an empty text: all are. */
  after(source: string): Promise<string>
  append(source: string, entries: readonly Entry[]): Promise<void>
  tail(lines: number): Promise<LogLine[]>
  /** The same, and then calls back with each later line, until the signal. */
  follow(lines: number, onLine: (line: LogLine) => void, signal: AbortSignal): Promise<LogLine[]>
  remove(): Promise<void>
}

const maxBytes = 1024 * 1024
/** `2006-01-02T15:04:05.123456789Z` */
const stampLength = 30
/** More than the file can hold. */
const all = maxBytes

/** Sorts the lines by time: in the file they are in the order in which they came, which after a pause is pod by pod. */
function newest(lines: readonly string[], count: number): LogLine[] {
  if (count <= 0) return []
  const found = lines.map((line) => ({ line, stamp: line.slice(0, stampLength) }))
  const sorted = found.toSorted((one, other) => (one.stamp < other.stamp ? -1 : one.stamp > other.stamp ? 1 : 0))
  return sorted.flatMap(({ line }) => parseLine(line) ?? []).slice(-count)
}

/**
 * Lines keep the exact time that the runtime gave them: the last line of a source shows the next controller where to continue,
 * and always agrees with what was written.
 */
export function openAppLog(file: string): AppLog {
  const lines = openLogFile(file, maxBytes)
  let known: Promise<{ readonly bySource: ReadonlyMap<string, string>; readonly oldest: string }> | null = null

  const readPositions = async () => {
    const bySource = new Map<string, string>()
    let oldest = ''
    for (const line of await lines.tail(all)) {
      const [, stamp = '', source = ''] = /^(\S{30}) (\S+) /.exec(line) ?? []
      if (stamp === '') continue
      if (oldest === '' || stamp < oldest) oldest = stamp
      if (stamp > (bySource.get(source) ?? '')) bySource.set(source, stamp)
    }
    return { bySource, oldest }
  }

  return {
    async after(source) {
      known ??= readPositions()
      const { bySource, oldest } = await known
      // Lines older than the oldest in the file would have been dropped, whatever their source.
      return bySource.get(source) ?? oldest
    },
    append: (source, entries) => lines.append(entries.map(({ stamp, text }) => `${stamp} ${source} ${text}`)),
    tail: async (count) => (count <= 0 ? [] : newest(await lines.tail(all), count)),
    async follow(count, onLine, signal) {
      const deliver = (added: readonly string[]): void => {
        for (const line of added.flatMap((one) => parseLine(one) ?? [])) if (!signal.aborted) onLine(line)
      }
      return newest(await lines.follow(count <= 0 ? 0 : all, deliver, signal), count)
    },
    remove: () => lines.remove(),
  }
}
