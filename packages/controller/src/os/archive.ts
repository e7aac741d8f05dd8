// How does an archive from outside become files, and a folder an archive, without anything escaping?
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { type Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import { create, Parser, type ReadEntry } from 'tar'
import { extraction, type OpenFile } from './extract.ts'

/** An archive with an entry that must not be unpacked; nothing of that entry was written. */
export class BadArchive extends Error {}

export type ArchiveLimits = { readonly entries: number; readonly bytes: number }

const defaultLimits: ArchiveLimits = { entries: 1_000_000, bytes: 16 * 2 ** 30 }

function outside(path: string): boolean {
  const clean = posix.normalize(path)
  return posix.isAbsolute(path) || clean === '..' || clean.startsWith('../') || path.includes('\0')
}

// The longest path that Linux takes.
const longestPath = 4095

function refusal(entry: Pick<ReadEntry, 'path' | 'type' | 'linkpath'>): string | null {
  if (entry.path.length > longestPath) return 'a name in the archive is too long'
  if (outside(entry.path)) return `${JSON.stringify(entry.path)} leads outside the archive`
  switch (entry.type) {
    case 'File':
    case 'OldFile':
    case 'ContiguousFile':
    case 'Directory':
      return null
    case 'SymbolicLink':
      return entry.linkpath ? null : `${JSON.stringify(entry.path)} is a link to nothing`
    case 'Link':
      return outside(entry.linkpath ?? '') ? `${JSON.stringify(entry.path)} links outside the archive` : null
    default:
      return `${JSON.stringify(entry.path)} is a ${entry.type}, only files, folders and links are allowed`
  }
}

/** Takes the bytes of a tar and writes its entries; symbolic links only at the very end. */
function entryWriter(folder: string, limits: ArchiveLimits): Writable {
  const target = extraction(folder)
  const links: ReadEntry[] = []
  let open: OpenFile | null = null
  let failure: Error | null = null
  let entries = 0
  let bytes = 0
  const check = (entry: ReadEntry): string | null => {
    if (++entries > limits.entries) return `the archive has more than ${limits.entries} entries`
    if ((bytes += entry.size) > limits.bytes) return `the archive unpacks to more than ${limits.bytes} bytes`
    return refusal(entry)
  }
  const begin = (entry: ReadEntry): void => {
    const mode = entry.mode ?? 0o644
    if (entry.type === 'Directory') target.folder(entry.path, mode)
    else if (entry.type === 'SymbolicLink') links.push(entry)
    else if (entry.type === 'Link') target.hardLink(entry.path, entry.linkpath ?? '')
    else open = target.file(entry.path, mode, entry.mtime)
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
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      attempt(() => parser.write(chunk))
      done(failure)
    },
    final(done) {
      attempt(() => parser.end())
      attempt(() => links.forEach(({ path, linkpath }) => target.symbolicLink(path, linkpath ?? '')))
      done(failure)
    },
    destroy(error, done) {
      close()
      done(error)
    },
  })
}

async function isGzipped(source: Readable, signal?: AbortSignal): Promise<boolean> {
  await once(source, 'readable', { signal })
  const head = source.read() as Buffer | null
  if (head === null) return false
  source.unshift(head)
  return head[0] === 0x1f && head[1] === 0x8b
}

// What goes wrong with the disk is not the archive's fault.
const diskFailures = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EMFILE', 'ENFILE', 'EACCES', 'EPERM'])

/**
 * Unpacks a tar (gzipped or not) into an existing folder, where nobody else writes meanwhile. Symbolic links are kept as
 * they are, wherever they lead, but never written through.
 * @throws BadArchive for entries that leave the folder, devices, sockets, damaged archives and those beyond the limits.
 */
export async function unpack(
  source: Readable,
  folder: string,
  signal?: AbortSignal,
  limits: ArchiveLimits = defaultLimits,
): Promise<void> {
  try {
    const gzipped = await isGzipped(source, signal)
    const writer = entryWriter(folder, limits)
    await (gzipped ? pipeline(source, createGunzip(), writer, { signal }) : pipeline(source, writer, { signal }))
  } catch (error) {
    source.destroy()
    const { code, message } = error as NodeJS.ErrnoException
    if (signal?.aborted || error instanceof BadArchive || diskFailures.has(code ?? '')) throw error
    throw new BadArchive(message, { cause: error })
  }
}

export async function unpackFile(file: string, folder: string, signal?: AbortSignal): Promise<void> {
  await unpack(createReadStream(file), folder, signal)
}

/** `./…` of everything below a folder, each folder before its content, in an order that does not depend on the disk. */
async function list(folder: string, skip: (path: string) => boolean, signal?: AbortSignal): Promise<string[]> {
  const found = ['.']
  const walk = async (path: string): Promise<void> => {
    signal?.throwIfAborted()
    const entries = await readdir(join(folder, path), { withFileTypes: true })
    entries.sort((a, b) => (a.name < b.name ? -1 : 1))
    for (const entry of entries) {
      const name = path === '' ? entry.name : `${path}/${entry.name}`
      // Sockets and pipes that somebody forgot mean nothing elsewhere, and the library never gets past them.
      if (skip(name) || !(entry.isFile() || entry.isDirectory() || entry.isSymbolicLink())) continue
      found.push(`./${name}`)
      if (entry.isDirectory()) await walk(name)
    }
  }
  await walk('')
  return found
}

/**
 * Packs a folder into a gzipped tar that depends on nothing but its content (no times, no owners), entries named `./…`.
 * @returns the digest `sha256:<hex>` of the file and its size in bytes.
 */
export async function pack(
  folder: string,
  file: string,
  skip: (path: string) => boolean,
  signal?: AbortSignal,
): Promise<{ digest: string; size: number }> {
  const hash = createHash('sha256')
  let size = 0
  const source = create(
    { cwd: folder, portable: true, mtime: new Date(0), noDirRecurse: true },
    await list(folder, skip, signal),
  )
  await pipeline(
    source as unknown as NodeJS.ReadableStream,
    createGzip({ level: 6 }),
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        hash.update(chunk)
        size += chunk.length
        yield chunk
      }
    },
    createWriteStream(file, { mode: 0o600 }),
    { signal },
  )
  return { digest: `sha256:${hash.digest('hex')}`, size }
}
