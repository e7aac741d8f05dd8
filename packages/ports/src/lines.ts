// What is the format of lines in an app's log file?
import type { LogLine } from './scheduler.ts'

export function formatLine({ time, source, text }: LogLine): string {
  return `${time.toISOString()} ${source} ${text}`
}

/** Null: not such a line, perhaps one that a kill has cut short. */
export function parseLine(line: string): LogLine | null {
  const [, time = '', source = '', text = ''] = /^(\d{4}-\S+Z) (\S+) (.*)$/s.exec(line) ?? []
  return time === '' ? null : { time: new Date(time), source, text }
}
