// How does an archive from outside become files, and a folder an archive, without anything escaping?
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import type { Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import { posix } from 'node:path'
import { create, type ReadEntry, Unpack } from 'tar'

/** An archive with an entry that must not be unpacked; nothing of that entry was written. */
export class BadArchive extends Error {}

function outside(path: string): boolean {
  const clean = posix.normalize(path)
  return posix.isAbsolute(path) || clean === '..' || clean.startsWith('../') || path.includes('\0')
}

function refusal(entry: Pick<ReadEntry, 'path' | 'type' | 'linkpath'>): string | null {
  if (outside(entry.path)) return `${JSON.stringify(entry.path)} leads outside the archive`
  switch (entry.type) {
    case 'File':
    case 'OldFile':
    case 'ContiguousFile':
    case 'Directory':
    case 'SymbolicLink':
      return null
    case 'Link':
      return outside(entry.linkpath ?? '') ? `${JSON.stringify(entry.path)} links outside the archive` : null
    default:
      return `${JSON.stringify(entry.path)} is a ${entry.type}, only files, folders and links are allowed`
  }
}

/**
 * Unpacks a tar (gzipped or not) into an existing folder. Symbolic links are kept as they are but never written through.
 * @throws BadArchive for entries that leave the folder, devices, sockets and damaged archives.
 */
export async function unpack(source: Readable, folder: string, signal?: AbortSignal): Promise<void> {
  let refused: string | null = null
  const sink = new Unpack({
    cwd: folder,
    strict: true,
    preserveOwner: false,
    filter: (path, entry) => {
      refused ??= refusal(entry as ReadEntry)
      return refused === null
    },
  })
  try {
    // node-tar's stream is a minipass, which pipeline() takes for the writable it is.
    await pipeline(source, sink as unknown as NodeJS.WritableStream, { signal })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new BadArchive((error as Error).message, { cause: error })
  }
  if (refused) throw new BadArchive(refused)
}

export async function unpackFile(file: string, folder: string, signal?: AbortSignal): Promise<void> {
  await unpack(createReadStream(file), folder, signal)
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
    { cwd: folder, portable: true, mtime: new Date(0), filter: (path) => !skip(path.replace(/^\.\//, '')) },
    ['.'],
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
