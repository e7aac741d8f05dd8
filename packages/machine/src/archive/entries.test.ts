// What does reading an archive cost that is not what it seems?
import { Header } from 'tar'
import { expect, test } from 'vitest'
import { tarParser } from './entries.ts'

test('what follows the end of an archive is neither kept nor read again', () => {
  const parser = tarParser({ entries: 10, bytes: 2 ** 30 }, { begin: () => {}, data: () => {}, end: () => {} })
  const entry = Buffer.alloc(512)
  new Header({ path: 'a', size: 0, mode: 0o600, type: 'File', mtime: new Date(0) }).encode(entry, 0)
  parser.write(entry)
  const zeros = Buffer.alloc(16_384)
  const before = process.memoryUsage().arrayBuffers
  const started = performance.now()
  for (let written = 0; written < 100 * 2 ** 20; written += zeros.length) parser.write(zeros)
  parser.end()
  expect(parser.seen().entries).toBe(1)
  expect(performance.now() - started).toBeLessThan(10_000)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50 * 2 ** 20)
})
