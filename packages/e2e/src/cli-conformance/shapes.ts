// Is what a command prints with `--json` what the contract's types say, and nothing else?
import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { expect } from 'vitest'
import type { Person } from '../client.ts'
import { combined, filled, type More, runDeis, type Text, type Words } from './says.ts'

/** @throws when it is not of this shape, or has more in it. */
export function checkShape(schema: TSchema, value: unknown, what: string): void {
  if (!Value.Check(schema, value))
    throw new Error(`${what} is not what the contract says: ${JSON.stringify(Value.Errors(schema, value).slice(0, 3))}`)
  expect(Value.Clean(schema, structuredClone(value)), `${what} has more than the contract says`).toEqual(value)
}

/** `stderr` is what is said along the way, when something is. */
type JsonMore = More & { readonly stderr?: Text; readonly code?: number }
export type Json = <T = unknown>(words: Words, schema: TSchema | null, more?: JsonMore) => Promise<T>

/** Runs a command with `--json`: stdout is one JSON value and nothing else. */
export function jsonSpeaker(person: Person, where: More = {}): Json {
  return async <T>(words: Words, schema: TSchema | null, more: JsonMore = {}): Promise<T> => {
    const list = typeof words === 'string' ? words.split(' ') : words
    const [command = '', ...rest] = list
    const what = `deis ${list.join(' ')} --json`
    const { code, stdout, stderr } = await runDeis(person, [command, '--json', ...rest], combined(where, more))
    expect({ code, stderr }, what).toEqual({ code: more.code ?? 0, stderr: filled(more.stderr ?? '', stderr) })
    const value = JSON.parse(stdout) as T
    expect(stdout, what).toBe(`${JSON.stringify(value, null, 2)}\n`)
    if (schema !== null) checkShape(schema, value, what)
    return value
  }
}
