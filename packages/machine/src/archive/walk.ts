// Which entries of a folder does its archive have, and in which order? Runs in the archive program only.
// We walk the folder ourselves: the `tar` library's packing of hard links hangs, or fails outside of any stream, when a link
// is near the end (it queues the link behind a file that may already have been written).
import { chmodSync, lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs'
import { isUtf8 } from 'node:buffer'
import { BadFolder, leftOutList, type PackOrder, type PackResult, shown } from './order.ts'
import { openSettling } from './settle.ts'

// The longest path that Linux accepts.
const longestPath = 4095

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? ''

export const changed = (path: string): BadFolder => new BadFolder(`${shown(path)} changed while it was packed`)

/** Runs again with permission to read, where the owner had removed it. */
export function permitting<T>(path: string, right: number, work: () => T): T {
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

export function reading<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof BadFolder) throw error
    const code = codeOf(error)
    if (code === 'ENOENT') throw new BadFolder(`${shown(path)} disappeared while it was packed`)
    if (code === 'ELOOP') throw changed(path)
    throw new BadFolder(`${shown(path)} cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

/** `found` is from before anything was changed. */
export type Entry = { readonly path: string; readonly found: Stats } & (
  | { readonly kind: 'folder' | 'file' }
  | { readonly kind: 'link'; readonly target: string }
  /** A further name of a file. */
  | { readonly kind: 'name'; readonly first: string }
)

export type Walk = {
  /**
   * `./…` in an order that does not depend on the disk, each folder before its content. What is to be settled is so when it
   * appears here, but for the folder itself. Once.
   * @throws BadFolder
   */
  readonly entries: Generator<Entry>
  /** A file turned out to be so much larger. @throws BadFolder */
  grown(path: string, more: number): void
  /** At the end, when nothing reads the folder any more. */
  result(): PackResult
}

type Wanted = Pick<PackOrder, 'limits' | 'skip' | 'skipNames' | 'settle'>

/** Of the working folder. */
export function walk({ limits, settle, ...wanted }: Wanted): Walk {
  const skip = new Set(wanted.skip.map((path) => path.replace(/\/$/, '')))
  const skipNames = new Set(wanted.skipNames)
  const leftOut = leftOutList()
  /** Files with several names: the first of them, and how many are not found yet. */
  const linked = new Map<string, { readonly first: string; missing: number }>()
  const settling = openSettling(settle)
  let entries = 0
  let bytes = 0

  function grown(path: string, more: number): void {
    bytes += more
    if (bytes > limits.bytes)
      throw new BadFolder(
        `the app is larger than ${Math.round(limits.bytes / 2 ** 20)} MB: ${shown(path)} (${Math.ceil(more / 2 ** 20)} MB) does not fit`,
      )
  }

  function* entry(path: string, found: Stats): Generator<Entry> {
    if (++entries > limits.entries) throw new BadFolder(`the app has more than ${limits.entries} files and folders`)
    if (Buffer.byteLength(path) > longestPath) throw new BadFolder(`the path ${shown(path)} is too long`)
    if (found.isDirectory()) {
      settling.folder(path, found)
      yield { path, found, kind: 'folder' }
      yield* folder(path)
    } else if (found.isSymbolicLink()) {
      const target = reading(path, () => readlinkSync(path, 'buffer'))
      settling.link(path)
      if (!isUtf8(target)) leftOut.add(path, 'a link to a name that is not UTF-8')
      else yield { path, found, kind: 'link', target: target.toString('utf8') }
    } else {
      const key = found.nlink > 1 ? `${found.dev}:${found.ino}` : ''
      const other = linked.get(key)
      if (other !== undefined) {
        other.missing--
        yield { path, found, kind: 'name', first: other.first }
        return
      }
      if (key !== '') linked.set(key, { first: path, missing: found.nlink - 1 })
      grown(path, found.size)
      settling.file(path, found)
      yield { path, found, kind: 'file' }
    }
  }

  function* folder(path: string): Generator<Entry> {
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

  const top = reading('.', () => lstatSync('.'))
  return {
    entries: entry('.', top),
    grown,
    result() {
      const left = leftOut.list()
      // A file that has a name outside of the folder would be changed there as well.
      const isWhole = left.length === 0 && [...linked.values()].every(({ missing }) => missing === 0)
      return { entries, bytes, leftOut: left, settled: settling.end(top) && isWhole }
    },
  }
}
