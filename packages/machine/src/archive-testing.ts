// Which archive program do tests use, and which archives? The program where the build puts it.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Header, type HeaderData } from 'tar'
import { createArchiver } from './archive.ts'
import { findTar } from './tar.ts'

const dist = fileURLToPath(new URL('../../../dist', import.meta.url))

export const testProgram: readonly string[] = [process.execPath, join(dist, 'controller/archive.js')]

export const testArchiver = createArchiver(testProgram, await findTar())

/** As which user tests unpack and pack: as root does for apps, as another one. */
export const isRoot = process.getuid?.() === 0
export const runAs = isRoot ? { uid: 59_998, gid: 59_998 } : null

/** A tar of entries exactly as given, however wrong. */
export function tarOf(...entries: (HeaderData & { content?: string })[]): Buffer {
  const blocks = entries.flatMap(({ content = '', ...entry }) => {
    const header = new Header({ mode: 0o644, mtime: new Date(0), ...entry, size: Buffer.byteLength(content) })
    header.encode()
    const body = Buffer.alloc(Math.ceil(Buffer.byteLength(content) / 512) * 512)
    body.write(content)
    return [header.block as Buffer, body]
  })
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}
