// How does an entry of a tar begin? The headers are the `tar` library's. Runs in the archive program only.
import { Header, type HeaderData } from 'tar'

export const epoch = new Date(0)
export const block = 512

/** What follows a content of this size, so that the next entry begins where it must. */
export const padding = (size: number): Buffer => Buffer.alloc((block - (size % block)) % block)

/** GNU's way of long names, as bytes: pax headers are lines, which a name with a line break in it would break. */
function longName(type: 'NextFileHasLongPath' | 'NextFileHasLongLinkpath', name: string): Buffer[] {
  const bytes = Buffer.from(`${name}\0`)
  return [headerBlock({ path: '././@LongLink', type, size: bytes.length, mode: 0o644 }), bytes, padding(bytes.length)]
}

function headerBlock(data: HeaderData): Buffer {
  const header = new Header({ mtime: epoch, uid: 0, gid: 0, ...data })
  header.encode()
  return header.block ?? Buffer.alloc(0)
}

/** Of one entry; names of any length. */
export function head(path: string, linkpath: string, data: HeaderData): Buffer {
  const long = (text: string): boolean => Buffer.byteLength(text) > 99
  return Buffer.concat([
    ...(long(path) ? longName('NextFileHasLongPath', path) : []),
    ...(long(linkpath) ? longName('NextFileHasLongLinkpath', linkpath) : []),
    headerBlock({
      ...data,
      path: long(path) ? 'long' : path,
      ...(linkpath === '' ? {} : { linkpath: long(linkpath) ? 'long' : linkpath }),
    }),
  ])
}
