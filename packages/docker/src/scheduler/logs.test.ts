// Do the parts of lines that the engine sends become lines, with the time of their first part?
import { expect, test } from 'vitest'
import { createJoiner } from './logs.ts'

const at = (second: number): string => `2026-01-02T03:04:0${second}.000000009Z`
const frame = (from: 'stdout' | 'stderr', second: number, text: string | Buffer) => ({
  from,
  bytes: Buffer.concat([Buffer.from(`${at(second)} `), Buffer.from(text as Buffer)]),
})
const full = 'x'.repeat(16 * 1024)

test('lines of both outputs', () => {
  const joiner = createJoiner()
  expect(joiner.push(frame('stdout', 1, 'one\r\n'))?.entries).toEqual([{ stamp: at(1), text: 'one' }])
  expect(joiner.push(frame('stdout', 2, '\n'))?.entries).toEqual([{ stamp: at(2), text: '' }])
  expect(joiner.push(frame('stderr', 3, 'bad\n'))?.entries).toEqual([{ stamp: at(3), text: 'bad' }])
})

test('a long line comes in parts of one time, between lines of the other output', () => {
  const joiner = createJoiner()
  expect(joiner.push(frame('stdout', 1, full))?.entries).toEqual([{ stamp: at(1), text: full }])
  expect(joiner.push(frame('stderr', 2, 'bad\n'))?.entries).toEqual([{ stamp: at(2), text: 'bad' }])
  expect(joiner.push(frame('stdout', 1, 'end\n'))?.entries).toEqual([{ stamp: at(1), text: 'end' }])
  expect(joiner.push(frame('stdout', 3, full))?.entries).toHaveLength(1)
  expect(joiner.push(frame('stdout', 3, '\n'))?.entries).toEqual([])
})

test('a long line whose end the engine left out ends before the next one', () => {
  const joiner = createJoiner()
  joiner.push(frame('stdout', 1, full))
  expect(joiner.push(frame('stdout', 1, 'end'))?.entries).toEqual([{ stamp: at(1), text: 'end' }])
  const next = joiner.push(frame('stdout', 2, 'next\n'))
  expect([next?.entries, next?.payload.toString()]).toEqual([[{ stamp: at(2), text: 'next' }], '\nnext\n'])
})

test('a character that is cut between two parts is whole again', () => {
  const joiner = createJoiner()
  const line = Buffer.from(`${'x'.repeat(16 * 1024 - 1)}€\n`)
  const first = joiner.push(frame('stdout', 1, line.subarray(0, 16 * 1024)))
  const second = joiner.push(frame('stdout', 1, line.subarray(16 * 1024)))
  const texts = [first, second].flatMap((one) => one?.entries.map(({ text }) => text) ?? [])
  expect(texts.join('')).toBe(line.toString().trim())
})

test('what has no end is a line at once; what has no time is not a line', () => {
  const joiner = createJoiner()
  expect(joiner.push({ from: 'stdout', bytes: Buffer.from('no time at all\n') })).toBeNull()
  const found = joiner.push(frame('stdout', 1, 'open'))
  expect([found?.entries, found?.payload.toString()]).toEqual([[{ stamp: at(1), text: 'open' }], 'open'])
  expect(joiner.flush()).toEqual([])
  joiner.push(frame('stdout', 2, `${'€'.repeat(5461)}x`))
  expect(joiner.flush()).toEqual([{ stamp: at(2), text: `${'€'.repeat(5461)}x` }])
})
