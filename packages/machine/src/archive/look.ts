// Which of the given files does an archive contain, and with which text? Runs in the archive program only.
import { posix } from 'node:path'
import type { Readable } from 'node:stream'
import { tarParser } from './entries.ts'
import type { LookOrder, Seen } from './order.ts'

const isFile = (type: string): boolean => /^(File|OldFile|ContiguousFile)$/.test(type)

/** Every entry is checked as if it were to be unpacked. @throws BadArchive */
export async function look(source: Readable, { limits, names, read, largest }: LookOrder): Promise<Seen> {
  const present = new Set<string>()
  const texts: Record<string, string> = {}
  const links: Record<string, string> = {}
  let chunks: Buffer[] | null = null
  let size = 0
  const nameOf = (path: string): string => posix.normalize(path)
  const parser = tarParser(limits, {
    begin({ path, type, linkpath = '' }) {
      const name = nameOf(path)
      if (read.includes(name) && type === 'SymbolicLink') links[name] = linkpath
      if (names.includes(name) && type !== 'Directory') present.add(name)
      chunks = read.includes(name) && isFile(type) ? [] : null
      size = 0
    },
    data(chunk) {
      // One byte more than allowed is enough to refuse it.
      if (chunks && size <= largest) chunks.push(chunk.subarray(0, largest + 1 - size))
      size += chunk.length
    },
    end({ path }) {
      if (chunks) texts[nameOf(path)] = Buffer.concat(chunks).toString('utf8')
      chunks = null
    },
  })
  for await (const chunk of source as AsyncIterable<Buffer>) parser.write(chunk)
  parser.end()
  return { ...parser.seen(), leftOut: [], present: [...present], texts, links }
}
