// How is the header of a tar entry written? By the `tar` library, except for long names. Runs in the archive program only.
import { Header, type HeaderData } from 'tar'
import { block } from '../tar-header.ts'

export const epoch = new Date(0)

/** The padding after a content of this size, up to the next block. */
export const padding = (size: number): Buffer => Buffer.alloc((block - (size % block)) % block)

/** How many bytes `writeHead` writes at most for an entry with these names. */
export const headSize = (path: string, linkpath: string): number =>
  block + [path, linkpath].reduce((sum, name) => sum + (isLong(name) ? 3 * block + Buffer.byteLength(name) : 0), 0)

const isLong = (name: string): boolean => name.length > 33 && Buffer.byteLength(name) > 99

function writeBlock(into: Buffer, at: number, data: HeaderData): number {
  into.fill(0, at, at + block)
  new Header({ mtime: epoch, uid: 0, gid: 0, ...data }).encode(into, at)
  return at + block
}

type LongName = 'NextFileHasLongPath' | 'NextFileHasLongLinkpath'

/** Long names in GNU's format, as bytes: pax headers are lines, which a name with a line break would corrupt. */
function writeLongName(into: Buffer, at: number, type: LongName, name: Buffer): number {
  const size = name.length + 1
  const from = writeBlock(into, at, { path: '././@LongLink', type, size, mode: 0o644 })
  const to = from + Math.ceil(size / block) * block
  into.fill(0, from + name.copy(into, from), to)
  return to
}

/** The same by itself, of any bytes. */
export function longName(type: LongName, name: Buffer): Buffer {
  const into = Buffer.alloc(3 * block + name.length)
  return into.subarray(0, writeLongName(into, 0, type, name))
}

/** Writes the header of one entry, whose names may have any length, into a buffer with enough space. @returns where it ends */
export function writeHead(into: Buffer, from: number, path: string, linkpath: string, data: HeaderData): number {
  let at = from
  if (isLong(path)) at = writeLongName(into, at, 'NextFileHasLongPath', Buffer.from(path))
  if (isLong(linkpath)) at = writeLongName(into, at, 'NextFileHasLongLinkpath', Buffer.from(linkpath))
  return writeBlock(into, at, {
    ...data,
    path: isLong(path) ? 'long' : path,
    ...(linkpath === '' ? {} : { linkpath: isLong(linkpath) ? 'long' : linkpath }),
  })
}

/** The same by itself. */
export function head(path: string, linkpath: string, data: HeaderData): Buffer {
  const into = Buffer.alloc(headSize(path, linkpath))
  return into.subarray(0, writeHead(into, 0, path, linkpath, data))
}
