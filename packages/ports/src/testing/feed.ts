// Who hears of an app's lines as they come?
import type { LogLine } from '../scheduler.ts'

export type Feed = {
  publish(app: string, lines: readonly LogLine[]): void
  /**
   * Calls back with each line that is published from now on, but not before the caller has had time for its own answer.
   */
  listen(app: string, onLine: (line: LogLine) => void, signal: AbortSignal): void
}

export function createFeed(): Feed {
  const apps = new Map<string, Set<(lines: readonly LogLine[]) => void>>()
  return {
    publish(app, lines) {
      for (const tell of apps.get(app) ?? []) tell(lines)
    },
    listen(app, onLine, signal) {
      if (signal.aborted) return
      const all = apps.get(app) ?? new Set()
      apps.set(app, all)
      let early: LogLine[] | null = []
      const tell = (lines: readonly LogLine[]): void => {
        if (early) early.push(...lines)
        else for (const line of lines) if (!signal.aborted) onLine(line)
      }
      all.add(tell)
      setImmediate(() => {
        const waiting = early ?? []
        early = null
        tell(waiting)
      })
      const stop = (): void => {
        all.delete(tell)
        if (all.size === 0) apps.delete(app)
      }
      signal.addEventListener('abort', stop, { once: true })
    },
  }
}
