// How does an archive from outside become files without anything escaping? Runs in the archive program only.
import { once } from 'node:events'
import { posix } from 'node:path'
import { type Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { Parser, type ReadEntry } from 'tar'
import { type ArchiveLimits, type ArchiveResult, BadArchive, leftOutList } from './order.ts'
import { extraction, type OpenFile } from './extract.ts'

function outside(path: string): boolean {
  const clean = posix.normalize(path)
  return posix.isAbsolute(path) || clean === '..' || clean.startsWith('../') || path.includes('\0')
}

// The longest path that Linux takes.
const longestPath = 4095

const shown = (path: string): string => JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path)

function refusal(entry: Pick<ReadEntry, 'path' | 'type' | 'linkpath'>): string | null {
  if (Buffer.byteLength(entry.path) > longestPath) return 'a name in the archive is too long'
  if (outside(entry.path)) return `${shown(entry.path)} leads outside the archive`
  switch (entry.type) {
    case 'File':
    case 'OldFile':
    case 'ContiguousFile':
    case 'Directory':
      return null
    case 'SymbolicLink':
      return entry.linkpath ? null : `${shown(entry.path)} is a link to nothing`
    case 'Link':
      return outside(entry.linkpath ?? '') ? `${shown(entry.path)} links outside the archive` : null
    default:
      return `${shown(entry.path)} is a ${entry.type}, only files, folders and links are allowed`
  }
}

// The parser would unpack these by itself, out of time with everything else here.
const compressed = [Buffer.from([0x1f, 0x8b]), Buffer.from([0x28, 0xb5, 0x2f, 0xfd])]

/** Takes the bytes of a tar and writes its entries into the working folder; symbolic links only at the very end. */
function entryWriter(limits: ArchiveLimits): { readonly writer: Writable; readonly result: () => ArchiveResult } {
  const target = extraction('.')
  const links: { readonly path: string; readonly linkpath: string }[] = []
  const leftOut = leftOutList()
  let open: OpenFile | null = null
  let failure: Error | null = null
  let entries = 0
  let bytes = 0
  let first = Buffer.alloc(0)
  const check = (entry: ReadEntry): string | null => {
    if (++entries > limits.entries) return `the archive has more than ${limits.entries} entries`
    if ((bytes += entry.size) > limits.bytes) return `the archive unpacks to more than ${limits.bytes} bytes`
    return refusal(entry)
  }
  const begin = (entry: ReadEntry): void => {
    const mode = entry.mode ?? 0o644
    const { path, type, linkpath = '' } = entry
    // What the library puts in place of bytes that are no text: several names would become one.
    if (`${path}${linkpath}`.includes('\uFFFD')) leftOut.add(path, 'its name is not UTF-8')
    else if (type === 'Directory') target.folder(path, mode)
    else if (type === 'SymbolicLink') links.push({ path, linkpath })
    else if (type === 'Link') target.hardLink(path, linkpath)
    else open = target.file(path, mode, entry.mtime)
  }
  const attempt = (work: () => void): void => {
    if (failure) return
    try {
      work()
    } catch (error) {
      failure = error as Error
    }
  }
  const close = (): void => {
    open?.close()
    open = null
  }
  const parser = new Parser({
    strict: true,
    onReadEntry(entry) {
      attempt(() => {
        const reason = check(entry)
        if (reason) throw new BadArchive(reason)
        begin(entry)
      })
      entry.on('data', (chunk: Buffer) => attempt(() => open?.write(chunk)))
      entry.on('end', () => attempt(close))
    },
  })
  parser.on('ignoredEntry', (entry: ReadEntry) => {
    failure ??= new BadArchive(refusal(entry) ?? 'an entry of an unknown kind')
  })
  parser.on('error', (error: Error) => (failure ??= new BadArchive(error.message, { cause: error })))
  const writer = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (first.length < 4) {
        first = Buffer.concat([first, chunk.subarray(0, 4)])
        if (compressed.some((magic) => first.subarray(0, magic.length).equals(magic)))
          failure ??= new BadArchive('it is compressed in a way that is not taken here: use gzip, once')
      }
      attempt(() => parser.write(chunk))
      done(failure)
    },
    final(done) {
      attempt(() => parser.end())
      attempt(() => links.forEach(({ path, linkpath }) => target.symbolicLink(path, linkpath)))
      done(failure)
    },
    destroy(error, done) {
      close()
      done(error)
    },
  })
  return { writer, result: () => ({ entries, bytes, leftOut: leftOut.list() }) }
}

async function isGzipped(source: Readable): Promise<boolean> {
  await once(source, 'readable')
  const head = source.read() as Buffer | null
  if (head === null) return false
  source.unshift(head)
  return head[0] === 0x1f && head[1] === 0x8b
}

// What goes wrong with the disk is not the archive's fault.
const diskFailures = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EMFILE', 'ENFILE', 'EACCES', 'EPERM'])

/**
 * Unpacks a tar (gzipped or not) into the working folder, where nobody else writes meanwhile. Symbolic links are kept as
 * they are, wherever they lead, but never written through.
 * @throws BadArchive for entries that leave the folder, devices, sockets, damaged archives and those beyond the limits.
 */
export async function unpack(source: Readable, limits: ArchiveLimits): Promise<ArchiveResult> {
  try {
    const gzipped = await isGzipped(source)
    const { writer, result } = entryWriter(limits)
    await (gzipped ? pipeline(source, createGunzip(), writer) : pipeline(source, writer))
    return result()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (error instanceof BadArchive || diskFailures.has(code ?? '')) throw error
    throw new BadArchive(message, { cause: error })
  }
}
