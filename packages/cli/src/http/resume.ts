// Which lines are new when a log is read again from some way back?

export type Resume = {
  /** The connection broke: what comes next begins with lines that were seen. */
  again(): void
  /** Whether the line was not seen yet; it is now. */
  isNew(line: string): boolean
}

/** Lines of one source come in order, with times in whole seconds: where it stands is a second and what was said in it. */
type Place = { readonly second: string; readonly said: Map<string, number> }

function copied(places: ReadonlyMap<string, Place>): Map<string, Place> {
  return new Map([...places].map(([source, { second, said }]) => [source, { second, said: new Map(said) }]))
}

export function createResume(): Resume {
  const places = new Map<string, Place>()
  let before = new Map<string, Place>()
  let first: string | null = null

  const wasSeen = (source: string, second: string, line: string): boolean => {
    const place = before.get(source)
    // Of a source that has not spoken, only what is older than all that was shown was left out on purpose.
    if (!place) return first !== null && second < first
    if (second !== place.second) return second < place.second
    const times = place.said.get(line) ?? 0
    place.said.set(line, times - 1)
    return times > 0
  }
  return {
    again() {
      before = copied(places)
    },
    isNew(line) {
      const [, second = '', source = ''] = /^(\S+) (\S+\[[^\]]*\]): /.exec(line) ?? []
      if (second === '') return true
      if (before.size > 0 && wasSeen(source, second, line)) return false
      first ??= second
      const place = places.get(source)
      const said = place?.second === second ? place.said : new Map<string, number>()
      said.set(line, (said.get(line) ?? 0) + 1)
      places.set(source, { second, said })
      return true
    },
  }
}
