// How is the header of a tar entry written? By the `tar` library, except for long names. Runs in the archive program only.
import { Header, type HeaderData } from 'tar'

export const epoch = new Date(0)
export const block = 512

/** The padding after a content of this size, up to the next block. */
export const padding = (size: number): Buffer => Buffer.alloc((block - (size % block)) % block)

/** Long names in GNU's format, as bytes: pax headers are lines, which a name with a line break would corrupt. */
function longName(type: 'NextFileHasLongPath' | 'NextFileHasLongLinkpath', name: string): Buffer[] {
  const bytes = Buffer.from(`${name}\0`)
  return [headerBlock({ path: '././@LongLink', type, size: bytes.length, mode: 0o644 }), bytes, padding(bytes.length)]
}

function headerBlock(data: HeaderData): Buffer {
  const header = new Header({ mtime: epoch, uid: 0, gid: 0, ...data })
  header.encode()
  return header.block ?? Buffer.alloc(0)
}

/** The header of one entry; names may have any length. */
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
