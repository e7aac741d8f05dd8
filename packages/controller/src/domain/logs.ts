// What happened to an app, in the lines that `deis logs` shows (contract/api.md §3.16, §4.14)?
import { join } from 'node:path'
import { defaultLogLines } from '@deis/types'
import { type LineFile, openLines } from '../os/lines.ts'
import type { Core } from './core.ts'

export type Level = 'INFO' | 'WARN' | 'ERROR' | 'DEBUG'

export type AppLogs = {
  /** Adds controller lines; never fails the work they tell of. */
  say(app: string, level: Level, message: string): void
  /** Adds a line that another controller said. */
  take(app: string, at: string, text: string): void
  tail(app: string, lines: number): Promise<{ time: Date; text: string }[]>
  remove(app: string): Promise<void>
  /** Resolves when everything said so far is on disk. */
  flush(): Promise<void>
}

const maxBytes = 512 * 1024

/** Controller lines of each app in a bounded file of its own: `<ISO time> <text>`. `said` hears of each line of ours. */
export function openAppLogs(
  folder: string,
  now: () => Date,
  failed: (error: unknown) => void,
  said: (app: string, at: string, text: string) => void = () => {},
): AppLogs {
  const files = new Map<string, LineFile>()
  const writing = new Set<Promise<void>>()
  const fileOf = (app: string): LineFile => {
    let file = files.get(app)
    if (!file) {
      file = openLines(join(folder, `${app}.log`), maxBytes)
      files.set(app, file)
    }
    return file
  }
  const write = (app: string, lines: string[]): void => {
    const done = fileOf(app)
      .append(lines)
      .catch(failed)
      .finally(() => writing.delete(done))
    writing.add(done)
  }
  return {
    say(app, level, message) {
      const at = now().toISOString()
      const lines = message.split('\n').map((line) => `${level} ${line}`)
      write(
        app,
        lines.map((line) => `${at} ${line}`),
      )
      for (const line of lines) said(app, at, line)
    },
    take: (app, at, text) => write(app, [`${at} ${text}`]),
    async tail(app, lines) {
      const found = await fileOf(app).tail(lines)
      return found.map((line) => {
        const space = line.indexOf(' ')
        return { time: new Date(line.slice(0, space)), text: line.slice(space + 1) }
      })
    },
    async remove(app) {
      await fileOf(app).remove()
      files.delete(app)
    },
    async flush() {
      await Promise.all(writing)
    },
  }
}

/** `2026-01-02T03:04:05+00:00`, the shape scripts know. */
function stamp(moment: Date): string {
  return moment.toISOString().replace(/\.\d+Z$/, '+00:00')
}

/** `?log_lines=`: a positive whole number, else the default. */
export function lineCount(raw: string | undefined): number {
  return raw !== undefined && /^\d{1,6}$/.test(raw) && Number(raw) > 0 ? Number(raw) : defaultLogLines
}

/** The newest lines of app and controller together, oldest first; an empty text when there are none. */
export async function appLogs(core: Core, app: string, lines: number): Promise<string> {
  const [controller, pods] = await Promise.all([core.logs.tail(app, lines), core.scheduler.logs(app, { lines })])
  const all = [
    ...controller.map(({ time, text }) => ({ time, line: `${stamp(time)} deis[controller]: ${text}` })),
    ...pods.map(({ time, source, text }) => ({ time, line: `${stamp(time)} app[${source}]: ${text}` })),
  ]
  // A stable sort keeps each side's own order within one millisecond.
  all.sort((left, right) => left.time.getTime() - right.time.getTime())
  return all
    .slice(-lines)
    .map(({ line }) => `${line}\n`)
    .join('')
}
