// How do the source and the platform's files come into the volumes of a build?
import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { Archiver } from '@deis/machine/archive'
import { epoch, head, padding } from '@deis/machine/archive/header'
import { block } from '@deis/machine/tar-header'
import type { Engine } from '../engine/engine.ts'

/** Text null: a folder. */
export type OwnFile = { readonly path: string; readonly text: string | null }
export type Owner = { readonly uid: number; readonly gid: number }

/** A tar of the platform's own files; paths without a slash at the beginning, of any length. */
export function tarOf(files: readonly OwnFile[], owner: Owner): Buffer {
  const entries = files.flatMap(({ path, text }) => {
    const content = Buffer.from(text ?? '')
    const type = text === null ? 'Directory' : 'File'
    const mode = text === null ? 0o755 : 0o644
    const data = { type, mode, size: content.length, mtime: epoch, ...owner } as const
    return [head(path, '', data), content, padding(content.length)]
  })
  return Buffer.concat([...entries, Buffer.alloc(2 * block)])
}

/** Below `/` of a container that was created, and so into its volumes. */
export async function putTar(
  engine: Engine,
  container: string,
  tar: Readable,
  ms: number,
  signal: AbortSignal,
): Promise<void> {
  const call = { method: 'PUT', path: `/containers/${container}/archive`, query: { path: '/' }, tar, ms } as const
  try {
    await engine.send('copying files to a build', call, signal)
  } finally {
    tar.destroy()
  }
}

/** The source below a folder, which belongs to the user of the build. It fails with ArchiveFailure if the source is invalid. */
export function sourceBelow(
  archiver: Archiver,
  { file, packed: isPacked }: { readonly file: string; readonly packed: boolean },
  folder: string,
  user: number,
  signal: AbortSignal,
): Readable {
  const stored = createReadStream(file)
  if (isPacked) return archiver.relay(stored, { files: [], folder, user }, { signal })
  // It takes packed archives only; nothing is compressed here.
  const packed = createGzip({ level: 0 })
  pipeline(stored, packed).catch(() => {})
  return archiver.relay(packed, { files: [], folder, user }, { signal })
}
