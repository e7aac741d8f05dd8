// How are progress, headings and tables printed (docs/contract/cli.md §1.7)?
import type { Io } from './io.ts'

const frames = ['...', 'o..', '.o.', '..o']
const frameMs = 400

export function print(io: Io, line = ''): void {
  io.stdout.write(`${line}\n`)
}

/** Whether answers are coloured: on a terminal only. */
export function isColourful(io: Io): boolean {
  return io.isTty.stdout && !io.env['NO_COLOR']
}

/** Prints a line that is not part of the answer. */
export function note(io: Io, line: string): void {
  io.stderr.write(`${line}\n`)
}

/** Shows a spinner while `work` runs, on a terminal only. */
export async function spin<T>(io: Io, work: () => Promise<T>): Promise<T> {
  if (!io.isTty.stdout) return work()
  const { stdout } = io.bytes
  let frame = 0
  const draw = (): void => void stdout.write(frames[frame % frames.length] ?? '')
  draw()
  const timer = setInterval(() => {
    frame += 1
    stdout.write('\b\b\b')
    draw()
  }, frameMs)
  try {
    return await work()
  } finally {
    clearInterval(timer)
    stdout.write('\b\b\b   \b\b\b')
  }
}

/** `Creating build... done` on one line. */
export async function step<T>(
  io: Io,
  title: string,
  work: () => Promise<T>,
  done: (result: T) => string = () => 'done',
): Promise<T> {
  io.stdout.write(`${title} `)
  let result: T
  try {
    result = await spin(io, work)
  } catch (error) {
    io.stdout.write('\n')
    throw error
  }
  print(io, done(result))
  return result
}

/** Runs `work` and returns how long it took, in whole seconds: `done in 3s`. */
export async function timed<T>(io: Io, work: () => Promise<T>): Promise<{ result: T; took: string }> {
  const started = io.now()
  const result = await spin(io, work)
  return { result, took: `done in ${Math.floor((io.now() - started) / 1000)}s` }
}

/** ` (1 of 3)` if not everything is shown. */
export function countSuffix(page: { count: number; results: readonly unknown[] }): string {
  return page.results.length === page.count ? '' : ` (${page.results.length} of ${page.count})`
}

/** `key` and value per line, sorted by key, values `gap` blanks behind the longest key. */
export function aligned(map: Readonly<Record<string, string>>, gap: number): string[] {
  const keys = Object.keys(map).toSorted()
  const width = Math.max(0, ...keys.map((key) => key.length)) + gap
  return keys.map((key) => `${key.padEnd(width)}${map[key]}`)
}

/** `uuid:     value`: labels filled up to a fixed column, in the given order. */
export function labelled(rows: readonly (readonly [label: string, value: string])[], column: number): string[] {
  return rows.map(([label, value]) => `${`${label}:`.padEnd(column)}${value}`)
}
