// Which entries of an untrusted archive are accepted, and within which limits? Runs in the archive program only.
import { posix } from 'node:path'
import { Parser, type ReadEntry } from 'tar'
import { longNames } from './long-names.ts'
import { type ArchiveLimits, BadArchive, shown } from './order.ts'
import { createPathCheck } from './path-check.ts'

function outside(path: string): boolean {
  const clean = posix.normalize(path)
  return posix.isAbsolute(path) || clean === '..' || clean.startsWith('../') || path.includes('\0')
}

// The longest path that Linux accepts.
const longestPath = 4095

/** Why an entry is refused; null: it is accepted. */
export function refusal(entry: Pick<ReadEntry, 'path' | 'type' | 'linkpath'>): string | null {
  if (Buffer.byteLength(entry.path) > longestPath) return 'a name in the archive is too long'
  if (outside(entry.path)) return `${shown(entry.path)} points outside the archive`
  switch (entry.type) {
    case 'File':
    case 'OldFile':
    case 'ContiguousFile':
    case 'Directory':
      return null
    case 'SymbolicLink':
      return entry.linkpath ? null : `${shown(entry.path)} is a link without a target`
    case 'Link':
      return outside(entry.linkpath ?? '') ? `${shown(entry.path)} links outside the archive` : null
    default:
      return `${shown(entry.path)} is a ${entry.type}, only files, folders and links are allowed`
  }
}

const withoutRoot = (path: string): string => path.replace(/^\/+/, '')

/** For layers of images, in which some tools write names with a slash before them. */
export function rootedRefusal(entry: ReadEntry): string | null {
  entry.path = withoutRoot(entry.path)
  if (entry.type === 'Link' && entry.linkpath !== undefined) entry.linkpath = withoutRoot(entry.linkpath)
  return entry.path === '' && entry.type === 'Directory' ? null : refusal(entry)
}

// The parser would unpack these by itself, asynchronously, and everything here expects it to be synchronous.
const compressed = [Buffer.from([0x1f, 0x8b]), Buffer.from([0x28, 0xb5, 0x2f, 0xfd])]

// Headers, long names and padding of one entry: what an archive contains besides the bytes of its files.
const overhead = 20 * 512

type Steps = {
  /** The entry is accepted; an exception ends the reading. */
  begin(entry: ReadEntry): void
  data(chunk: Buffer): void
  end(entry: ReadEntry): void
}

export type TarParser = {
  /** @throws BadArchive; what a step threw */
  write(chunk: Buffer): void
  end(): void
  seen(): { readonly entries: number; readonly bytes: number }
}

/** Parses a tar as its bytes arrive: the steps of everything found in a chunk are called before `write` returns. */
export function tarParser(
  limits: ArchiveLimits,
  steps: Steps,
  check: (entry: ReadEntry) => string | null = refusal,
): TarParser {
  let failure: Error | null = null
  let entries = 0
  let bytes = 0
  let raw = 0
  let first = Buffer.alloc(0)
  const paths = createPathCheck(shown)
  const names = longNames()
  const attempt = (work: () => void): void => {
    if (failure) return
    try {
      work()
    } catch (error) {
      failure = error as Error
    }
  }
  const accept = (entry: ReadEntry): void => {
    entries++
    if (!Number.isSafeInteger(entry.size) || entry.size < 0) throw new BadArchive('an entry has an invalid size')
    if ((bytes += entry.size) > limits.bytes)
      throw new BadArchive(`the archive unpacks to more than ${limits.bytes} bytes`)
    const reason = check(entry) ?? paths.check(entry)
    if (reason !== null) throw new BadArchive(reason)
    // A path may stand for thousands of folders.
    if (entries + paths.implied() > limits.entries)
      throw new BadArchive(`the archive has more than ${limits.entries} entries`)
    steps.begin(entry)
  }
  const parser = new Parser({
    strict: true,
    onReadEntry(entry) {
      attempt(() => accept(entry))
      entry.on('data', (chunk: Buffer) => attempt(() => steps.data(chunk)))
      entry.on('end', () => attempt(() => steps.end(entry)))
    },
  })
  // Afterwards the parser would keep all that it gets, and copy it again with every further piece.
  let over = false
  parser.on('eof', () => (over = true))
  parser.on('ignoredEntry', (entry: ReadEntry) => {
    failure ??= new BadArchive(check(entry) ?? 'an entry of an unknown kind')
  })
  parser.on('error', (error: Error) => (failure ??= new BadArchive(error.message, { cause: error })))
  const step = (work: () => void): void => {
    attempt(work)
    if (failure) throw failure
  }
  return {
    write(chunk) {
      // Bytes that belong to no entry cost time as well.
      if ((raw += chunk.length) > limits.bytes + (limits.entries + 2) * overhead)
        failure ??= new BadArchive(`the archive unpacks to more than ${limits.bytes} bytes`)
      if (first.length < 4) {
        first = Buffer.concat([first, chunk.subarray(0, 4)])
        if (compressed.some((magic) => first.subarray(0, magic.length).equals(magic)))
          failure ??= new BadArchive('its compression is not supported: use gzip, once')
      }
      step(() => {
        if (over) return
        for (const part of names.read(chunk)) if (!over) parser.write(part)
      })
    },
    end: () =>
      step(() => {
        // It says what is missing.
        if (!over) parser.write(names.rest())
        parser.end()
      }),
    seen: () => ({ entries, bytes }),
  }
}
