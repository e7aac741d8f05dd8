// Which lines are new when a part of a log is read again?

export type Resume = {
  /** Nothing older was asked for. Of that second itself, lines read again are shown: better one too many than one lost. */
  since(moment: Date): void
  /** After a reconnect: the next lines begin with some that were seen. */
  again(): void
  /** Whether the line is new; it counts as seen from now on. */
  isNew(line: string): boolean
}

/** Lines of one source come in order, with times in whole seconds: a position is a second and the lines in it. */
type Position = { readonly second: string; readonly lines: Map<string, number> }

function copied(positions: ReadonlyMap<string, Position>): Map<string, Position> {
  return new Map([...positions].map(([source, { second, lines }]) => [source, { second, lines: new Map(lines) }]))
}

export function createResume(): Resume {
  const positions = new Map<string, Position>()
  let before = new Map<string, Position>()
  let first: string | null = null
  let isAgain = false

  const wasSeen = (source: string, second: string, line: string): boolean => {
    const position = before.get(source)
    // Lines of a new source are new, unless they are older than everything that was shown or asked for.
    if (!position) return first !== null && second < first
    if (second !== position.second) return second < position.second
    const times = position.lines.get(line) ?? 0
    position.lines.set(line, times - 1)
    return times > 0
  }
  return {
    since(moment) {
      first = moment.toISOString().replace(/\.\d+Z$/, '+00:00')
    },
    again() {
      isAgain = true
      before = copied(positions)
    },
    isNew(line) {
      const [, second = '', source = ''] = /^(\S+) (\S+\[[^\]]*\]): /.exec(line) ?? []
      if (second === '') return true
      if (isAgain && wasSeen(source, second, line)) return false
      first ??= second
      const position = positions.get(source)
      const lines = position?.second === second ? position.lines : new Map<string, number>()
      lines.set(line, (lines.get(line) ?? 0) + 1)
      positions.set(source, { second, lines })
      return true
    },
  }
}
