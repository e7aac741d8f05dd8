// How is an untrusted archive copied into another one without unpacking it? Runs in the archive program only.
import { posix } from 'node:path'
import type { Readable } from 'node:stream'
import type { ReadEntry } from 'tar'
import { refusal, tarParser } from './entries.ts'
import { epoch, head, padding } from './header.ts'
import { block } from '../tar-header.ts'
import { type ArchiveResult, BadArchive, type RelayFile, type RelayOrder, shown } from './order.ts'

/** In an image layer such a name means that a file is deleted. */
function layerRefusal(entry: Parameters<typeof refusal>[0]): string | null {
  if (entry.path.split('/').some((name) => name.startsWith('.wh.')))
    return `${shown(entry.path)} has a name that image layers reserve`
  return refusal(entry)
}

function own({ path, mode, text }: RelayFile): Buffer[] {
  const content = Buffer.from(text ?? '')
  const type = text === null ? 'Directory' : 'File'
  return [head(path, '', { type, mode, size: content.length, mtime: epoch }), content, padding(content.length)]
}

/**
 * A tar with the order's own files, owned by root, and then every entry of `source` (a tar) below `folder`, owned by its user.
 * It depends on nothing else. Links stay links. @throws BadArchive
 */
export async function* relayed(
  source: Readable,
  { limits, files, folder, user }: RelayOrder,
  done: (result: ArchiveResult) => void,
): AsyncGenerator<Buffer> {
  let ready: Buffer[] = files.flatMap(own)
  // Bytes left of the file that is being written; null: the entry's bytes, if any, are dropped.
  let left: number | null = null
  const begin = ({ path, type, linkpath = '', mode, size }: ReadEntry): void => {
    const below = posix.join(folder, path)
    const data = { mode: (mode ?? 0o644) & 0o777, uid: user, gid: user, mtime: epoch, size: 0 }
    left = null
    // Hard links name files of the same archive.
    if (type === 'Link') ready.push(head(below, posix.join(folder, linkpath), { ...data, type }))
    else if (type === 'SymbolicLink') ready.push(head(below, linkpath, { ...data, type }))
    else if (type === 'Directory') ready.push(head(`${below.replace(/\/$/, '')}/`, '', { ...data, type }))
    else {
      left = size
      ready.push(head(below, '', { ...data, type: 'File', size }))
    }
  }
  const data = (chunk: Buffer): void => {
    if (left === null) return
    left -= chunk.length
    ready.push(chunk)
  }
  const end = ({ path, size }: ReadEntry): void => {
    if (left === null) return
    // The bytes that follow would be read as headers.
    if (left !== 0) throw new BadArchive(`${shown(path)} is not as long as its header says`)
    ready.push(padding(size))
  }
  const parser = tarParser(limits, { begin, data, end }, layerRefusal)
  for await (const chunk of source as AsyncIterable<Buffer>) {
    parser.write(chunk)
    if (ready.length > 0) yield Buffer.concat(ready)
    ready = []
  }
  parser.end()
  ready.push(Buffer.alloc(2 * block))
  yield Buffer.concat(ready)
  done({ ...parser.seen(), leftOut: [] })
}
