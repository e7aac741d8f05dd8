// How is a value of the API loaded, and kept up to date while somebody looks at it?
import { useCallback, useEffect, useState } from 'preact/hooks'

export type Loaded<T> = {
  readonly value: T | null
  readonly error: string | null
  /** Asks again now. */
  readonly reload: () => void
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Asks each `everyMs`, not while the tab is hidden; a failure keeps what was there. `key`: what it is about. */
export function useLoaded<T>(load: (signal: AbortSignal) => Promise<T>, key: string, everyMs: number): Loaded<T> {
  const [state, setState] = useState<{ key: string; value: T | null; error: string | null }>({
    key,
    value: null,
    error: null,
  })
  const [turn, setTurn] = useState(0)
  useEffect(() => {
    const over = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const ask = async (): Promise<void> => {
      if (document.visibilityState === 'visible')
        try {
          const value = await load(over.signal)
          setState({ key, value, error: null })
        } catch (error) {
          if (over.signal.aborted) return
          setState((before) => ({ key, value: before.key === key ? before.value : null, error: messageOf(error) }))
        }
      if (!over.signal.aborted) timer = setTimeout(() => void ask(), everyMs)
    }
    void ask()
    return () => {
      over.abort()
      clearTimeout(timer)
    }
  }, [key, turn, everyMs])
  const reload = useCallback(() => setTurn((before) => before + 1), [])
  return { value: state.key === key ? state.value : null, error: state.key === key ? state.error : null, reload }
}

export type Action<Given extends unknown[]> = {
  readonly running: boolean
  readonly error: string | null
  readonly run: (...given: Given) => void
}

/** Something that takes a while and may fail; a second click while it runs does nothing. */
export function useAction<Given extends unknown[]>(work: (...given: Given) => Promise<void>): Action<Given> {
  const [running, setRunning] = useState(false)
  const [error, setError] = useState<string | null>(null)
  const run = (...given: Given): void => {
    if (running) return
    setRunning(true)
    setError(null)
    work(...given)
      .catch((failure: unknown) => setError(messageOf(failure)))
      .finally(() => setRunning(false))
  }
  return { running, error, run }
}
