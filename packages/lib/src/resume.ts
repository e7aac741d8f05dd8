// Which lines are new when a part of a log is read again?

export type Resume = {
  /** Nothing older was asked for. Of that second itself, lines read again are shown: better one too many than one lost. */
  since(moment: Date): void
  /** After a reconnect: the next lines begin with some that were seen. */
  again(): void
  /** Whether the line is new; it counts as seen from now on. */
  isNew(line: string): boolean
}

/**
 * Times are whole seconds. Lines of a process come in their order; those of the controllers come from several, each with a clock of
 * its own, so that each line is remembered, not only the newest second.
 */
type Source = {
  /** The second of the first line that was shown, and of the newest. */
  readonly from: string
  newest: string
  /** The newest second of the lines that are no longer remembered. */
  forgotten: string
  /** How often each remembered line was shown. */
  readonly lines: Map<string, number>
}

type Shown = { readonly source: Source; readonly second: string; readonly line: string }

function remember({ source, second, line }: Shown): void {
  source.lines.set(line, (source.lines.get(line) ?? 0) + 1)
  if (second > source.newest) source.newest = second
}

function forget({ source, second, line }: Shown): void {
  const times = (source.lines.get(line) ?? 1) - 1
  if (times > 0) source.lines.set(line, times)
  else source.lines.delete(line)
  if (second > source.forgotten) source.forgotten = second
}

/** `most`: how many lines are read again, and so remembered. */
export function createResume(most: number): Resume {
  const sources = new Map<string, Source>()
  const shown: Shown[] = []
  /** As it was at the reconnect, less the lines that were read again. */
  let before = new Map<string, Source>()
  let first: string | null = null
  let isAgain = false

  const wasSeen = (name: string, second: string, line: string): boolean => {
    const source = before.get(name)
    // Lines of a new source are new, unless they are older than everything that was shown or asked for.
    if (!source) return first !== null && second < first
    const times = source.lines.get(line) ?? 0
    if (times > 0) source.lines.set(line, times - 1)
    if (times > 0 || second <= source.forgotten) return true
    // Not among the first that were asked for.
    return second < source.from || (second === source.from && source.newest > second)
  }
  return {
    since(moment) {
      first = moment.toISOString().replace(/\.\d+Z$/, '+00:00')
    },
    again() {
      isAgain = true
      before = new Map([...sources].map(([name, source]) => [name, { ...source, lines: new Map(source.lines) }]))
    },
    isNew(line) {
      const [, second = '', name = ''] = /^(\S+) ([^\s[]+\[[^\]]*\]): /.exec(line) ?? []
      if (second === '') return true
      if (isAgain && wasSeen(name, second, line)) return false
      first ??= second
      const source = sources.get(name) ?? { from: second, newest: second, forgotten: '', lines: new Map() }
      sources.set(name, source)
      const one = { source, second, line }
      remember(one)
      shown.push(one)
      if (shown.length > most) forget(shown.shift() as Shown)
      return true
    },
  }
}
