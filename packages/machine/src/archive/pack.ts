// How is a folder packed into an archive that depends only on its content? Runs in the archive program only.
// We walk the folder ourselves: the `tar` library's packing of hard links hangs, or fails outside of any stream, when a link
// is near the end (it queues the link behind a file that may already have been written).
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  futimesSync,
  lstatSync,
  lutimesSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
  utimesSync,
} from 'node:fs'
import { isUtf8 } from 'node:buffer'
import type { HeaderData } from 'tar'
import { block, epoch, headSize, writeHead } from './header.ts'
import { type ArchiveLimits, BadFolder, leftOutList, type PackOrder, type PackResult } from './order.ts'

const chunkBytes = 256 * 1024
// The longest path that Linux accepts.
const longestPath = 4095

const shown = (path: string): string => JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path)
const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? ''

// Independent of the umask where it was created; never setuid.
const fileMode = (mode: number): number => ((mode & 0o777) | 0o600) & ~0o022
const folderMode = (mode: number): number => ((mode & 0o777) | 0o700) & ~0o022

/** Runs again with permission to read, where the owner had removed it. */
function permitting<T>(path: string, right: number, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (codeOf(error) !== 'EACCES') throw error
    const found = lstatSync(path)
    // chmod follows links.
    if (found.isSymbolicLink()) throw error
    chmodSync(path, (found.mode & 0o7777) | right)
    return work()
  }
}

function reading<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof BadFolder) throw error
    const code = codeOf(error)
    if (code === 'ENOENT') throw new BadFolder(`${shown(path)} disappeared while it was packed`)
    if (code === 'ELOOP') throw new BadFolder(`${shown(path)} changed while it was packed`)
    throw new BadFolder(`${shown(path)} cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

type Settling = {
  file(descriptor: number, found: Stats): void
  folder(path: string, found: Stats): void
  link(path: string): void
  /** The folder has more than the archive. */
  fail(): void
  done(): boolean
}

/** Gives what is packed the modes and times that it would have when unpacked. */
function openSettling(wanted: boolean): Settling {
  let settled = wanted
  const allowed = ~process.umask()
  const attempt = (work: () => void): void => {
    if (!settled) return
    try {
      work()
    } catch {
      // It belongs to another user: then it is not what unpacking would make.
      settled = false
    }
  }
  return {
    file: (descriptor, { mode }) =>
      attempt(() => {
        const final = fileMode(mode) & allowed
        if ((mode & 0o7777) !== final) fchmodSync(descriptor, final)
        futimesSync(descriptor, epoch, epoch)
      }),
    folder: (path, { mode }) =>
      attempt(() => {
        const final = path === '.' ? 0o700 : folderMode(mode) & allowed
        if ((mode & 0o7777) !== final) chmodSync(path, final)
        utimesSync(path, epoch, epoch)
      }),
    link: (path) => attempt(() => lutimesSync(path, epoch, epoch)),
    fail: () => void (settled = false),
    done: () => settled,
  }
}

type Wanted = Pick<PackOrder, 'limits' | 'skip' | 'skipNames' | 'times' | 'settle'>

/**
 * The tar of the working folder in pieces of some size: entries `./…` in an order that does not depend on the disk, each
 * folder before its content, further names of a file as hard links.
 * @throws BadFolder
 */
export function* tarOfFolder(wanted: Wanted, done: (packed: PackResult) => void): Generator<Buffer> {
  const { limits } = wanted
  const timeOf = (found: Stats): Date => (wanted.times ? found.mtime : epoch)
  const skip = new Set(wanted.skip.map((path) => path.replace(/\/$/, '')))
  const skipNames = new Set(wanted.skipNames)
  const leftOut = leftOutList()
  /** Files with several names: the first of them, and how many are not found yet. */
  const linked = new Map<string, { readonly first: string; missing: number }>()
  const settling = openSettling(wanted.settle)
  let entries = 0
  let bytes = 0
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

  function* file(path: string): Generator<Buffer> {
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
    const descriptor = reading(path, () => permitting(path, 0o400, () => openSync(path, flags)))
    try {
      const found = fstatSync(descriptor)
      if (!found.isFile()) throw new BadFolder(`${shown(path)} changed while it was packed`)
      count(path, found.size, limits)
      const { size } = found
      yield* header(path, '', { type: 'File', mode: fileMode(found.mode), size, mtime: timeOf(found) })
      for (let left = size; left > 0;) {
        if (used === chunk.length) yield* space(0)
        const most = Math.min(left, chunk.length - used)
        const read = reading(path, () => readSync(descriptor, chunk, used, most, null))
        if (read === 0) throw new BadFolder(`${shown(path)} changed while it was packed`)
        left -= read
        used += read
      }
      yield* zeros((block - (size % block)) % block)
      settling.file(descriptor, found)
    } finally {
      closeSync(descriptor)
    }
  }

  function count(path: string, more: number, { bytes: most }: ArchiveLimits): void {
    bytes += more
    if (bytes > most)
      throw new BadFolder(
        `the app is larger than ${Math.round(most / 2 ** 20)} MB: ${shown(path)} (${Math.ceil(more / 2 ** 20)} MB) does not fit`,
      )
  }

  function* entry(path: string, found: Stats): Generator<Buffer> {
    if (++entries > limits.entries) throw new BadFolder(`the app has more than ${limits.entries} files and folders`)
    if (Buffer.byteLength(path) > longestPath) throw new BadFolder(`the path ${shown(path)} is too long`)
    if (found.isDirectory()) {
      const data = { type: 'Directory', mode: folderMode(found.mode), size: 0, mtime: timeOf(found) } as const
      yield* header(`${path}/`, '', data)
      yield* folder(path)
      settling.folder(path, found)
    } else if (found.isSymbolicLink()) {
      const target = reading(path, () => readlinkSync(path, 'buffer'))
      if (!isUtf8(target)) leftOut.add(path, 'a link to a name that is not UTF-8')
      else yield* header(path, target.toString('utf8'), { type: 'SymbolicLink', mode: 0o777, size: 0 })
      settling.link(path)
    } else {
      const key = found.nlink > 1 ? `${found.dev}:${found.ino}` : ''
      const other = linked.get(key)
      if (other !== undefined) {
        other.missing--
        yield* header(path, other.first, { type: 'Link', mode: fileMode(found.mode), size: 0 })
        return
      }
      if (key !== '') linked.set(key, { first: path, missing: found.nlink - 1 })
      yield* file(path)
    }
  }

  function* folder(path: string): Generator<Buffer> {
    const names = reading(path, () => permitting(path, 0o500, () => readdirSync(path, { encoding: 'buffer' })))
    for (const name of names.toSorted(Buffer.compare)) {
      const text = name.toString('utf8')
      const child = `${path}/${text}`
      if (skipNames.has(text) || skip.has(child.slice(2))) {
        settling.fail()
        continue
      }
      if (!isUtf8(name)) {
        leftOut.add(child, 'its name is not UTF-8')
        continue
      }
      const found = reading(child, () => lstatSync(child))
      // Leftover sockets and pipes are of no use elsewhere.
      if (!found.isFile() && !found.isDirectory() && !found.isSymbolicLink())
        leftOut.add(child, 'not a file, a folder or a link')
      else yield* entry(child, found)
    }
  }

  yield* entry(
    '.',
    reading('.', () => lstatSync('.')),
  )
  yield* zeros(2 * block)
  yield chunk.subarray(0, used)
  const left = leftOut.list()
  // A file that has a name outside of the folder would be changed there as well.
  const isWhole = left.length === 0 && [...linked.values()].every(({ missing }) => missing === 0)
  done({ entries, bytes, leftOut: left, settled: settling.done() && isWhole })
}
