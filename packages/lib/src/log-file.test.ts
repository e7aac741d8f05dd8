// Are the last lines there, in order, and is the disk never filled?
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openLogFile } from './log-file.ts'

let folder = ''
let file = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deis-lines-'))
  file = join(folder, 'logs', 'app.log')
})
afterEach(async () => {
  await rm(folder, { recursive: true })
})

const range = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `line ${String(from + index).padStart(4, '0')}`)

test('nothing was written', async () => {
  expect(await openLogFile(file, 1000).tail(10)).toEqual([])
})

test('the newest lines, oldest first', async () => {
  const lines = openLogFile(file, 1000)
  await lines.append(['one', '', 'three'])
  await lines.append([])
  await lines.append(['four'])
  expect(await lines.tail(10)).toEqual(['one', '', 'three', 'four'])
  expect(await lines.tail(2)).toEqual(['three', 'four'])
  expect(await lines.tail(0)).toEqual([])
  expect(await lines.tail(-1)).toEqual([])
})

test('calls are written in the order they were made', async () => {
  const lines = openLogFile(file, 100_000)
  await Promise.all(range(0, 50).map((line) => lines.append([line])))
  expect(await lines.tail(100)).toEqual(range(0, 50))
})

test('two files at most, together less than twice the limit, and the newest survive', async () => {
  const lines = openLogFile(file, 1000)
  for (let index = 0; index < 500; index += 10) await lines.append(range(index, index + 10))
  const files = await readdir(join(folder, 'logs'))
  expect(files.toSorted()).toEqual(['app.log', 'app.log.1'])
  for (const name of files) expect((await stat(join(folder, 'logs', name))).size).toBeLessThanOrEqual(1000)
  const kept = await lines.tail(1000)
  expect(kept.length).toBeGreaterThanOrEqual(90)
  expect(kept).toEqual(range(500 - kept.length, 500))
})

test('another one goes on where the first stopped', async () => {
  await openLogFile(file, 1000).append(range(0, 60))
  const next = openLogFile(file, 1000)
  await next.append(range(60, 100))
  await next.append(range(100, 110))
  expect(await next.tail(50)).toEqual(range(60, 110))
})

test('only the end of a large file is read', async () => {
  const lines = openLogFile(file, 10_000_000)
  await lines.append(['x'.repeat(40_000), 'last'])
  expect(await lines.tail(1)).toEqual(['last'])
})

test('a line that was cut short by a kill does not join the next one', async () => {
  const lines = openLogFile(file, 1000)
  await lines.append(['whole'])
  await writeFile(file, 'half', { flag: 'a' })
  const next = openLogFile(file, 1000)
  await next.append(['new'])
  expect(await next.tail(10)).toEqual(['whole', 'half', 'new'])
})

test('removed is removed, late writes included', async () => {
  const lines = openLogFile(file, 50)
  await lines.append(range(0, 5))
  await lines.append(range(5, 10))
  await lines.remove()
  await lines.append(['too late'])
  expect(await readdir(join(folder, 'logs'))).toEqual([])
  expect(await lines.tail(10)).toEqual([])
})

test('who follows gets what is there and then each later line, once and in order', async () => {
  const lines = openLogFile(file, 2000)
  const stop = new AbortController()
  const received: string[] = []
  const answers: Promise<unknown>[] = []
  let told: Promise<string[]> | undefined
  for (let index = 0; index < 300; index += 1) {
    answers.push(lines.append(range(index, index + 1)))
    if (index === 150) told = lines.follow(10, (more) => received.push(...more), stop.signal)
  }
  await Promise.all(answers)
  expect(await told).toEqual(range(141, 151))
  expect(received).toEqual(range(151, 300))
  stop.abort()
  await lines.append(['too late'])
  expect(received).toHaveLength(149)
  expect(await lines.follow(1, (more) => received.push(...more), stop.signal)).toEqual(['too late'])
  await lines.append(['too late as well'])
  expect(received).toHaveLength(149)
})

test('who follows also gets what could not be written, and nothing of what was removed', async () => {
  const lines = openLogFile(file, 2000)
  const received: string[] = []
  expect(await lines.follow(5, (more) => received.push(...more), new AbortController().signal)).toEqual([])
  // A file where the folder should be.
  await writeFile(join(folder, 'logs'), '')
  await expect(lines.append(['one'])).rejects.toThrow()
  await rm(join(folder, 'logs'))
  await lines.append(['two'])
  await lines.remove()
  await lines.append(['three'])
  expect(received).toEqual(['one', 'two'])
})
