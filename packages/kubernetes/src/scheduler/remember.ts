// How are answers of the cluster cached?

export type Remembered<T> = {
  /** The cached answer, or else a new one; calls at the same time share one request. */
  get(): Promise<T>
}

/** Caches an answer for `keepMs(answer)`; a failure is not cached. */
export function remember<T>(
  keepMs: (answer: T) => number,
  ask: () => Promise<T>,
  now: () => number = Date.now,
): Remembered<T> {
  let last: { readonly answer: Promise<T>; until: number } | null = null
  return {
    get() {
      if (last !== null && now() < last.until) return last.answer
      const mine = { answer: ask(), until: Infinity }
      last = mine
      mine.answer.then(
        (answer) => {
          mine.until = now() + keepMs(answer)
        },
        () => {
          if (last === mine) last = null
        },
      )
      return mine.answer
    },
  }
}
