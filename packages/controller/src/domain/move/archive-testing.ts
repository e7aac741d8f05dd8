// How do tests make the archive of an app, and the damaged ones?
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { created } from './records-testing.ts'
import { tarEnd, tarHeader, tarPadding } from './tar.ts'

const now = new Date(created)

export type File = { readonly name: string; readonly content: Buffer; readonly header?: Buffer }
export const file = (name: string, content: string | Buffer): File => ({ name, content: Buffer.from(content) })
const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex')

export function manifest(files: readonly File[], changes: object = {}): File {
  const value = {
    format: 'deis-app',
    version: 1,
    platform: '2.3.0',
    created,
    app: 'blog',
    from: 'example.com',
    scheduler: 'process',
    machine: 'linux-x64',
    commit: false,
    files: files.map(({ name, content }) => ({ name, size: content.length, sha256: sha256(content) })),
    ...changes,
  }
  return file('manifest.json', JSON.stringify(value))
}

export const tar = (files: readonly File[], end: Buffer = tarEnd): Buffer =>
  Buffer.concat([
    ...files.flatMap(({ name, content, header }) => [
      header ?? tarHeader(name, content.length, now),
      content,
      tarPadding(content.length),
    ]),
    end,
  ])

export const archive = (files: readonly File[], changes: object = {}): Buffer =>
  tar([manifest(files, changes), ...files])

/** In parts of this many bytes. */
export function parts(bytes: Buffer, size: number): Readable {
  return Readable.from(
    (function* () {
      for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size)
    })(),
    { objectMode: false },
  )
}
