// How does an archive from outside become files, and a folder an archive, without anything escaping?
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, posix } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { create, type ReadEntry, Unpack } from 'tar'
import { placeLinks, type SymbolicLink } from './links.ts'

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

/**
 * Unpacks a tar (gzipped or not) into an existing folder. Symbolic links are kept as they are but never written through.
 * @throws BadArchive for entries that leave the folder, devices, sockets, damaged archives and those beyond the limits.
 */
export async function unpack(
  source: Readable,
  folder: string,
  signal?: AbortSignal,
  limits: ArchiveLimits = defaultLimits,
): Promise<void> {
  const links: SymbolicLink[] = []
  const refused = new AbortController()
  let entries = 0
  let bytes = 0
  const check = (entry: ReadEntry): string | null => {
    if (++entries > limits.entries) return `the archive has more than ${limits.entries} entries`
    if ((bytes += entry.size) > limits.bytes) return `the archive unpacks to more than ${limits.bytes} bytes`
    return refusal(entry)
  }
  const sink = new Unpack({
    cwd: folder,
    strict: true,
    preserveOwner: false,
    filter: (_path, found) => {
      if (refused.signal.aborted) return false
      const entry = found as ReadEntry
      const reason = check(entry)
      if (reason) refused.abort(new BadArchive(reason))
      // The library refuses links that are absolute, leave the folder or lead to links; they are made below instead.
      if (entry.type === 'SymbolicLink') links.push({ path: entry.path, target: String(entry.linkpath) })
      return reason === null && entry.type !== 'SymbolicLink'
    },
  })
  try {
    // node-tar's stream is a minipass, which pipeline() takes for the writable it is.
    await pipeline(source, sink as unknown as NodeJS.WritableStream, {
      signal: signal ? AbortSignal.any([signal, refused.signal]) : refused.signal,
    })
  } catch (error) {
    if (signal?.aborted) throw error
    refused.signal.throwIfAborted()
    throw new BadArchive((error as Error).message, { cause: error })
  }
  refused.signal.throwIfAborted()
  const reason = await placeLinks(folder, links)
  if (reason) throw new BadArchive(reason)
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
