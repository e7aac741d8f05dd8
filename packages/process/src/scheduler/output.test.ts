// Is output followed to its last byte, also by the next controller, and is the file kept small?
import { appendFile, mkdtemp, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { follow, type Follower } from './output.ts'

let folder = ''
let file = ''
let got: string[] = []
let failures: unknown[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deis-output-'))
  file = join(folder, 'output.log')
  await writeFile(file, '')
  got = []
  failures = []
})
afterEach(async () => {
  await rm(folder, { recursive: true })
  expect(failures).toEqual([])
})

function open(bytes?: (chunk: Buffer) => boolean): Promise<Follower> {
  return follow({
    file,
    offsetFile: join(folder, 'offset'),
    lines: async (lines) => void got.push(...lines),
    bytes,
    failed: (error) => void failures.push(error),
  })
}

test('lines appear by themselves', async () => {
  const follower = await open()
  await appendFile(file, 'one\n')
  await expect.poll(() => got).toEqual(['one'])
  await follower.close({ flush: true })
})

test('the last line without an end comes with the end', async () => {
  const follower = await open()
  await appendFile(file, 'one\ntwo')
  await follower.poll()
  expect(got).toEqual(['one'])
  await follower.close({ flush: true })
  expect(got).toEqual(['one', 'two'])
})

test('the next one goes on where the last one stopped, half lines included', async () => {
  const first = await open()
  await appendFile(file, 'one\ntwo is lo')
  await first.close({ flush: false })
  await appendFile(file, 'ng\nthree\n')
  const second = await open()
  await second.close({ flush: true })
  expect(got).toEqual(['one', 'two is long', 'three'])
})

test('a file that was emptied is read from its start', async () => {
  const follower = await open()
  await appendFile(file, 'a long first line\n')
  await follower.poll()
  await truncate(file)
  await appendFile(file, 'new\n')
  await follower.poll()
  expect(got).toEqual(['a long first line', 'new'])
  await follower.close({ flush: true })
})

test('what has been taken in is cut off past a megabyte, and nothing is lost', async () => {
  const follower = await open()
  const line = 'x'.repeat(1023)
  for (let round = 0; round < 5; round++) {
    await appendFile(file, `${line}\n`.repeat(600))
    await follower.poll()
  }
  await appendFile(file, 'last\n')
  await follower.close({ flush: true })
  expect(got).toHaveLength(3001)
  expect(got.at(-1)).toBe('last')
  expect((await stat(file)).size).toBeLessThan(1024 * 1024)
})

test('a flood is cut short, and says so', async () => {
  await appendFile(
    file,
    'y'
      .repeat(1023)
      .concat('\n')
      .repeat(6 * 1024),
  )
  const follower = await open()
  await follower.close({ flush: true })
  expect(got[0]).toBe('(5242880 bytes of output came too fast and were left out)')
  expect(got).toHaveLength(1025)
})

test('the last twenty lines and the raw bytes are at hand', async () => {
  const chunks: Buffer[] = []
  const follower = await open((chunk) => chunks.push(Buffer.from(chunk)) > 0)
  const text = Array.from({ length: 30 }, (_, index) => `line ${index}\n`).join('')
  await appendFile(file, text)
  await follower.poll()
  expect(follower.last()).toHaveLength(20)
  expect(follower.last().at(-1)).toBe('line 29')
  expect(Buffer.concat(chunks).toString()).toBe(text)
  await follower.close({ flush: true })
})

test('who wants the raw bytes gets them all before anything is left out', async () => {
  await appendFile(
    file,
    'z'
      .repeat(1023)
      .concat('\n')
      .repeat(6 * 1024),
  )
  let taken = 0
  const follower = await open((chunk) => {
    taken += chunk.length
    return taken < 3 * 1024 * 1024
  })
  await follower.close({ flush: true })
  expect(taken).toBe(3 * 1024 * 1024)
  expect(got).toHaveLength(6 * 1024)
})
