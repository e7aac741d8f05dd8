// How are files of a backup written so that a power cut loses none, and read to be compared?
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, readdir, rename, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'

export const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code

/** @throws what `known` does not expect. */
export async function unless<T>(work: Promise<T>, code: string, otherwise: T): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (codeOf(error) === code) return otherwise
    throw error
  }
}

export async function sha256Of(file: string, signal?: AbortSignal): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256')
  let bytes = 0
  await pipeline(
    createReadStream(file),
    async function (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        hash.update(chunk)
        bytes += chunk.length
      }
    },
    { signal },
  )
  return { sha256: hash.digest('hex'), bytes }
}

/** What was renamed or created in the folder stays so. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** It is there whole, or as it was before. */
export async function writeWhole(file: string, text: string, mode = 0o600): Promise<void> {
  const draft = `${file}.${process.pid}.partial`
  const handle = await open(draft, 'w', mode)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(draft, file)
  await syncFolder(dirname(file))
}

/** Of the names in a folder; none when it is not there. */
export const namesIn = (folder: string): Promise<string[]> => unless(readdir(folder), 'ENOENT', [])

export async function sizeOf(folder: string): Promise<number> {
  const entries = await unless(readdir(folder, { recursive: true, withFileTypes: true }), 'ENOENT', [])
  let bytes = 0
  for (const entry of entries)
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name)).catch(() => ({ size: 0 }))).size
  return bytes
}
