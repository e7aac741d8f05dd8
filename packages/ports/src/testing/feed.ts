// How do followers get an app's log lines as they come?
import type { LogLine } from '../scheduler.ts'

export type Feed = {
  publish(app: string, lines: readonly LogLine[]): void
  /**
   * Calls back with each line that is published from now on, but not before the caller has returned its own answer.
   */
  listen(app: string, onLine: (line: LogLine) => void, signal: AbortSignal): void
}

export function createFeed(): Feed {
  const apps = new Map<string, Set<(lines: readonly LogLine[]) => void>>()
  return {
    publish(app, lines) {
      for (const deliver of apps.get(app) ?? []) deliver(lines)
    },
    listen(app, onLine, signal) {
      if (signal.aborted) return
      const all = apps.get(app) ?? new Set()
      apps.set(app, all)
      let early: LogLine[] | null = []
      const deliver = (lines: readonly LogLine[]): void => {
        if (early) early.push(...lines)
        else for (const line of lines) if (!signal.aborted) onLine(line)
      }
      all.add(deliver)
      setImmediate(() => {
        const waiting = early ?? []
        early = null
        deliver(waiting)
      })
      const stop = (): void => {
        all.delete(deliver)
        if (all.size === 0) apps.delete(app)
      }
      signal.addEventListener('abort', stop, { once: true })
    },
  }
}
