// How do the files of a snapshot become one stream?
import type { Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import { create } from 'tar'
import { encrypted, type Encryption } from './encryption.ts'
import { type Manifest, manifestName } from './manifest.ts'

/** tar → gzip → encryption. The manifest comes first, so that whoever unpacks it knows what may follow. */
export function backupStream(folder: string, { files }: Manifest, encryption: Encryption): Promise<Readable> {
  const paths = [manifestName, ...files.map(({ path }) => path)]
  const tar = create({ cwd: folder, portable: true, noMtime: true, strict: true }, paths)
  // Most of it is compressed already.
  const gzip = createGzip({ level: 3 })
  tar.on('error', (error) => gzip.destroy(error as Error))
  tar.pipe(gzip)
  return encrypted(gzip, encryption)
}
