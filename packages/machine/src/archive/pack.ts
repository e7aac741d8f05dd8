// How is a folder packed into an archive that depends only on its content? Runs in the archive program only.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import type { HeaderData } from 'tar'
import { epoch, headSize, writeHead } from './header.ts'
import { block } from '../tar-header.ts'
import { fileMode, folderMode } from './settle.ts'
import { changed, type Entry, permitting, reading, type Walk } from './walk.ts'

const chunkBytes = 256 * 1024

/**
 * The tar of these entries in pieces of some size, further names of a file as hard links. `times`: files and folders keep theirs.
 * @throws BadFolder
 */
export function* tarOf(entries: Iterable<Entry>, grown: Walk['grown'], times: boolean): Generator<Buffer> {
  // Headers and files are written into it, so that nothing is made for each of many small files.
  let chunk = Buffer.allocUnsafeSlow(chunkBytes)
  let used = 0

  /** The next chunk, with space for that. */
  function* space(wanted: number): Generator<Buffer> {
    if (used > 0) yield chunk.subarray(0, used)
    chunk = Buffer.allocUnsafeSlow(Math.max(chunkBytes, wanted))
    used = 0
  }

  function* header(path: string, linkpath: string, data: HeaderData): Generator<Buffer> {
    const wanted = headSize(path, linkpath)
    if (used + wanted > chunk.length) yield* space(wanted)
    used = writeHead(chunk, used, path, linkpath, data)
  }

  /** So many zeros, fewer than a chunk has. */
  function* zeros(count: number): Generator<Buffer> {
    if (used + count > chunk.length) yield* space(count)
    chunk.fill(0, used, used + count)
    used += count
  }

  function* file({ path, found: before }: Entry): Generator<Buffer> {
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
    const descriptor = reading(path, () => permitting(path, 0o400, () => openSync(path, flags)))
    try {
      const found = fstatSync(descriptor)
      if (!found.isFile()) throw changed(path)
      const { size } = found
      grown(path, size - before.size)
      const mtime = times ? before.mtime : epoch
      yield* header(path, '', { type: 'File', mode: fileMode(before.mode), size, mtime })
      for (let left = size; left > 0;) {
        if (used === chunk.length) yield* space(0)
        const most = Math.min(left, chunk.length - used)
        const read = reading(path, () => readSync(descriptor, chunk, used, most, null))
        if (read === 0) throw changed(path)
        left -= read
        used += read
      }
      yield* zeros((block - (size % block)) % block)
    } finally {
      closeSync(descriptor)
    }
  }

  for (const entry of entries) {
    const { path, found } = entry
    if (entry.kind === 'folder') {
      const mtime = times ? found.mtime : epoch
      yield* header(`${path}/`, '', { type: 'Directory', mode: folderMode(found.mode), size: 0, mtime })
    } else if (entry.kind === 'link') yield* header(path, entry.target, { type: 'SymbolicLink', mode: 0o777, size: 0 })
    else if (entry.kind === 'name')
      yield* header(path, entry.first, { type: 'Link', mode: fileMode(found.mode), size: 0 })
    else yield* file(entry)
  }
  yield* zeros(2 * block)
  yield chunk.subarray(0, used)
}
