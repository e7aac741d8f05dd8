// How is text shown that grows while somebody reads it?
import { useEffect, useRef, useState } from 'preact/hooks'
import { createFollowed } from '../followed.ts'
import { type Lines, noLines } from '../text.ts'
import { ApiError } from '../client.ts'
import { Failure } from './page-state.tsx'

/** What a tab can show without becoming slow; older lines are in `deis logs`. */
export const mostLines = 2_000
const againMs = 3_000

/** `isAgain`: the newest `mostLines` are wanted, of which those that were shown are left out. */
type Follow = (signal: AbortSignal, text: (part: string) => void, isAgain: boolean) => Promise<void>

/** `again`: it is followed again when the connection is lost. */
function useOutput(
  follow: Follow,
  key: string,
  again: boolean,
): { readonly shown: Lines; readonly error: string | null } {
  const [shown, setShown] = useState(noLines)
  const [error, setError] = useState<string | null>(null)
  useEffect(() => {
    const over = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const followed = createFollowed(mostLines)
    const start = async (isAgain: boolean): Promise<void> => {
      setShown(followed.begin(isAgain))
      const take = (part: string): void => {
        setError(null)
        setShown(followed.take(part))
      }
      try {
        await follow(over.signal, take, isAgain)
      } catch (failure) {
        if (over.signal.aborted) return
        setError(failure instanceof Error ? failure.message : String(failure))
        if (failure instanceof ApiError && failure.status >= 400 && failure.status < 500) return
      }
      if (again && !over.signal.aborted) timer = setTimeout(() => void start(true), againMs)
    }
    void start(false)
    return () => {
      over.abort()
      clearTimeout(timer)
    }
  }, [key])
  return { shown, error }
}

type Given = {
  readonly follow: Follow
  readonly about: string
  readonly label: string
  readonly empty: string
  readonly again?: boolean
}

export function Output({ follow, about, label, empty, again = false }: Given) {
  const { shown, error } = useOutput(follow, about, again)
  const box = useRef<HTMLDivElement>(null)
  const atEnd = useRef(true)
  useEffect(() => {
    if (box.current && atEnd.current) box.current.scrollTop = box.current.scrollHeight
  }, [shown])
  const scrolled = ({ currentTarget }: { readonly currentTarget: HTMLDivElement }): void => {
    const { scrollTop, scrollHeight, clientHeight } = currentTarget
    atEnd.current = scrollHeight - scrollTop - clientHeight < 40
  }
  return (
    <>
      <Failure text={error} />
      {/* Scrolled with the keyboard, too. */}
      <div class="output" ref={box} onScroll={scrolled} role="log" aria-label={label} tabIndex={0}>
        {shown.lines.length === 0 && shown.rest === '' && <span class="faint">{empty}</span>}
        {shown.lines.map((line, index) => (
          <div key={shown.first + index}>{line}</div>
        ))}
      </div>
    </>
  )
}
