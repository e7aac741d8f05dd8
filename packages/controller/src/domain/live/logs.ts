// Which lines does `deis logs` show of an app (docs/contract/api.md §3.16, §4.14)?
import { join } from 'node:path'
import { defaultLogLines, invalidField, invalidProcessType, isProcessType } from '@deis/types'
import { type LogFile, openLogFile } from '@deis/lib/log-file'
import type { LogLine } from '@deis/ports/scheduler'
import type { Core } from '../core.ts'

export type Level = 'INFO' | 'WARN' | 'ERROR' | 'DEBUG'

export type StoredLine = { readonly time: Date; readonly text: string }

export type AppLogs = {
  /** Adds lines of the controller. Never throws: what it reports must not fail because of it. */
  write(app: string, level: Level, message: string): void
  /** Adds a line that another controller wrote. */
  copy(app: string, at: string, text: string): void
  tail(app: string, lines: number): Promise<StoredLine[]>
  /** Answers like `tail`, and calls back with each line after that, until aborted. `removed`: no more will come. */
  follow(
    app: string,
    lines: number,
    to: { onLine(line: StoredLine): void; removed(): void },
    signal: AbortSignal,
  ): Promise<StoredLine[]>
  remove(app: string): Promise<void>
  /** Resolves when everything written so far is on disk. */
  flush(): Promise<void>
}

const maxBytes = 512 * 1024

function parse(line: string): StoredLine {
  const space = line.indexOf(' ')
  return { time: new Date(line.slice(0, space)), text: line.slice(space + 1) }
}

/** Controller lines of each app in a bounded file of its own: `<ISO time> <text>`. `written` is called with each line of this controller. */
export function openAppLogs(
  folder: string,
  now: () => Date,
  failed: (error: unknown) => void,
  written: (app: string, at: string, text: string) => void = () => {},
): AppLogs {
  const files = new Map<string, LogFile>()
  const writing = new Set<Promise<void>>()
  const removals = new Map<string, Set<() => void>>()
  const fileOf = (app: string): LogFile => {
    let file = files.get(app)
    if (!file) {
      file = openLogFile(join(folder, `${app}.log`), maxBytes)
      files.set(app, file)
    }
    return file
  }
  const append = (app: string, lines: string[]): void => {
    const done = fileOf(app)
      .append(lines)
      .catch(failed)
      .finally(() => writing.delete(done))
    writing.add(done)
  }
  return {
    write(app, level, message) {
      const at = now().toISOString()
      const lines = message.split('\n').map((line) => `${level} ${line}`)
      append(
        app,
        lines.map((line) => `${at} ${line}`),
      )
      for (const line of lines) written(app, at, line)
    },
    copy: (app, at, text) => append(app, [`${at} ${text}`]),
    tail: async (app, lines) => (await fileOf(app).tail(lines)).map(parse),
    async follow(app, lines, to, signal) {
      if (signal.aborted) return []
      const others = removals.get(app) ?? new Set()
      removals.set(app, others.add(to.removed))
      const forget = (): void => {
        others.delete(to.removed)
        if (others.size === 0) removals.delete(app)
      }
      signal.addEventListener('abort', forget, { once: true })
      const onLines = (more: readonly string[]): void => more.forEach((line) => to.onLine(parse(line)))
      return (await fileOf(app).follow(lines, onLines, signal)).map(parse)
    },
    async remove(app) {
      await fileOf(app).remove()
      files.delete(app)
      for (const removed of removals.get(app) ?? []) removed()
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

/** `?log_lines=`: a whole number, else the default. */
export function lineCount(raw: string | undefined): number {
  return raw !== undefined && /^\d{1,6}$/.test(raw) ? Number(raw) : defaultLogLines
}

/** `?type=`. @throws DeisError invalid */
export function processType(raw: string | undefined): string | null {
  if (raw === undefined) return null
  if (!isProcessType(raw)) throw invalidField('type', invalidProcessType)
  return raw
}

/** Which lines: the newest of app and controller, or only of one process type. */
export type Wanted = { readonly lines: number; readonly type: string | null }

/** A backend keeps fewer. */
const everyLine = 999_999

/** How many lines of pods have to be looked at. */
export function linesOfPods({ lines, type }: Wanted): number {
  return type === null ? lines : everyLine
}

export function isWanted({ type }: Wanted, line: LogLine): boolean {
  return type === null || line.source.startsWith(`${type}.`)
}

export function controllerLine({ time, text }: StoredLine): string {
  return `${stamp(time)} deis[controller]: ${text}\n`
}

export function podLine({ time, source, text }: LogLine): string {
  return `${stamp(time)} app[${source}]: ${text}\n`
}

/** The newest of both sides, oldest first. */
export function merged(wanted: Wanted, controller: readonly StoredLine[], pods: readonly LogLine[]): string {
  const all = [
    ...controller.map((line) => ({ time: line.time, text: controllerLine(line) })),
    ...pods.filter((line) => isWanted(wanted, line)).map((line) => ({ time: line.time, text: podLine(line) })),
  ]
  // A stable sort keeps each side's own order within one millisecond.
  all.sort((left, right) => left.time.getTime() - right.time.getTime())
  return all
    .slice(Math.max(all.length - wanted.lines, 0))
    .map(({ text }) => text)
    .join('')
}

/** An empty text when there are none. */
export async function appLogs(core: Core, app: string, wanted: Wanted): Promise<string> {
  if (wanted.lines === 0) return ''
  const [controller, pods] = await Promise.all([
    wanted.type === null ? core.logs.tail(app, wanted.lines) : [],
    core.scheduler.logs(app, { lines: linesOfPods(wanted) }),
  ])
  return merged(wanted, controller, pods)
}
