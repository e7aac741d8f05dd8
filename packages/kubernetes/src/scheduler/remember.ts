// How is a cluster not asked the same thing at every change?

export type Remembered<T> = {
  /** What was answered lately, else what is answered now; whoever asks at the same time waits for the same answer. */
  get(): Promise<T>
}

/** An answer counts for as long as `keepMs` gives it; a failure is not remembered. */
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
