// What does one run of `deis` say, to the letter?
import { join } from 'node:path'
import { expect } from 'vitest'
import { type Result, run, type RunOptions } from '../child.ts'
import type { Person } from '../client.ts'
import { root } from '../platform.ts'

/** A text, or its lines; what differs from run to run stands in braces (see `varying`). */
export type Text = string | readonly string[]
/** Lines of stdout alone: nothing on stderr, and exit code 0. */
export type Expected = readonly string[] | { readonly code?: number; readonly stdout?: Text; readonly stderr?: Text }
export type Words = string | readonly string[]
export type More = Partial<Pick<RunOptions, 'cwd' | 'env' | 'input' | 'seconds'>>

/** The forms of what nobody can know beforehand. Everything else has to be exactly what is expected. */
const varying: Readonly<Record<string, string>> = {
  uuid: '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}',
  time: String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`,
  moment: String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z`,
  stamp: String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00`,
  today: `(?:${day(0)}|${day(1)})`,
  seconds: String.raw`\d{1,3}`,
  number: String.raw`\d+`,
  pod: String.raw`[a-z0-9]{8,10}-[a-z0-9]{5}`,
  sha: '[0-9a-f]{7,8}',
  invented: '[a-z]+-[a-z]+(?:-[a-z0-9]+)?',
}

/** As `certs` writes it; tests may run past midnight. */
function day(later: number): string {
  const date = new Date(Date.now() + later * 86_400_000)
  const month = date.toLocaleString('en-GB', { month: 'long', timeZone: 'UTC' }).slice(0, 3)
  return `${date.getUTCDate()} ${month} ${date.getUTCFullYear()}`
}

function pattern(line: string): RegExp {
  const parts = line.split(/\{([a-z]+)\}/)
  const sources = parts.map((part, at) =>
    at % 2 === 1 && varying[part] !== undefined ? varying[part] : part.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`),
  )
  return new RegExp(`^${sources.join('')}$`)
}

const text = (expected: Text): string =>
  typeof expected === 'string' ? expected : expected.map((line) => `${line}\n`).join('')

/** The expectation with what really came wherever that fits it, so that a failure shows nothing but what differs. */
export function filled(expected: Text, came: string): string {
  const lines = came.split('\n')
  return text(expected)
    .split('\n')
    .map((line, at) => {
      const found = lines[at]
      return found !== undefined && pattern(line).test(found) ? found : line
    })
    .join('\n')
}

function split(words: Words): readonly string[] {
  return typeof words === 'string' ? words.split(' ') : words
}

export function runDeis(person: Person, words: Words, more: More = {}): Promise<Result> {
  return run(process.execPath, [join(root, 'dist/cli/deis.js'), ...split(words)], {
    cwd: more.cwd ?? person.home,
    env: { ...person.env, ...more.env },
    seconds: more.seconds ?? 150,
    ...(more.input === undefined ? {} : { input: more.input }),
  })
}

export type Deis = (words: Words, expected: Expected, more?: More) => Promise<Result>

/** What a command that fails says: `Error: ` and the lines, and nothing on stdout. */
export function error(...lines: string[]): { code: number; stderr: string[] } {
  const [first = '', ...hints] = lines
  return { code: 1, stderr: [`Error: ${first}`, ...hints] }
}

/** The same after a step that had been announced. */
export function failed(title: string, ...lines: string[]): { code: number; stdout: string[]; stderr: string[] } {
  return { ...error(...lines), stdout: [`${title} `] }
}

/** What holds everywhere with what is wanted here. */
export function combined<M extends More>(where: More, more: M): M {
  return { ...where, ...more, env: { ...where.env, ...more.env } }
}

export function speaker(person: Person, where: More = {}): Deis {
  return async (words, expected, more = {}) => {
    const came = await runDeis(person, words, combined(where, more))
    const {
      code = 0,
      stdout = '',
      stderr = '',
    } = 'map' in expected ? { code: 0, stdout: expected, stderr: '' } : expected
    expect(came, `deis ${split(words).join(' ')}`).toEqual({
      code,
      stdout: filled(stdout, came.stdout),
      stderr: filled(stderr, came.stderr),
    })
    return came
  }
}
