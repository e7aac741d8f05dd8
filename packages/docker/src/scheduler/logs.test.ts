// Do the parts of lines that the engine sends become lines, with the time of their first part?
import { expect, test } from 'vitest'
import { createJoiner } from './logs.ts'

const at = (second: number): string => `2026-01-02T03:04:0${second}.000000009Z`
const frame = (from: 'stdout' | 'stderr', text: string) => ({ from, bytes: Buffer.from(text) })

test('lines of both outputs, and a long line in parts', () => {
  const joiner = createJoiner()
  expect(joiner.push(frame('stdout', `${at(1)} one\r\n`))?.entries).toEqual([{ stamp: at(1), text: 'one' }])
  expect(joiner.push(frame('stdout', `${at(2)} a long`))?.entries).toEqual([])
  expect(joiner.push(frame('stderr', `${at(3)} bad\n`))?.entries).toEqual([{ stamp: at(3), text: 'bad' }])
  expect(joiner.push(frame('stdout', `${at(4)}  line\n`))?.entries).toEqual([{ stamp: at(2), text: 'a long line' }])
})

test('a character that is cut between two parts is whole again', () => {
  const joiner = createJoiner()
  const euro = Buffer.from('€\n')
  const part = (bytes: Buffer) => ({ from: 'stdout' as const, bytes: Buffer.concat([Buffer.from(`${at(1)} `), bytes]) })
  expect(joiner.push(part(euro.subarray(0, 1)))?.entries).toEqual([])
  expect(joiner.push(part(euro.subarray(1)))?.entries).toEqual([{ stamp: at(1), text: '€' }])
})

test('what has no end is kept for the end; what has no time is not a line', () => {
  const joiner = createJoiner()
  expect(joiner.push(frame('stdout', 'no time at all\n'))).toBeNull()
  expect(joiner.push(frame('stdout', `${at(1)} open`))?.payload.toString()).toBe('open')
  expect(joiner.flush()).toEqual([{ stamp: at(1), text: 'open' }])
  expect(joiner.flush()).toEqual([])
})

test('a line without an end does not grow for ever', () => {
  const joiner = createJoiner()
  const entries = Array.from({ length: 3 }, () => joiner.push(frame('stdout', `${at(1)} ${'x'.repeat(16_000)}`)))
  expect(entries.map((one) => one?.entries.length)).toEqual([0, 1, 0])
})
