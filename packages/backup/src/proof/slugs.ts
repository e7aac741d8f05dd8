// Is a slug a readable archive?
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { tarParser } from '@deis/machine/archive/entries'
import { defaultLimits } from '@deis/machine/archive/order'

/** Reads all of it, and keeps nothing. @throws when it is not. */
export async function readSlug(file: string, signal: AbortSignal): Promise<{ entries: number }> {
  const parser = tarParser(defaultLimits, { begin: () => {}, data: () => {}, end: () => {} })
  await pipeline(
    createReadStream(file),
    createGunzip(),
    async function (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) parser.write(chunk)
      parser.end()
    },
    { signal },
  )
  return parser.seen()
}
