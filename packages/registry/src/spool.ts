// How does a tar become a compressed layer, whose digest must be known before a registry is asked whether it has it?
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { Blob } from './repository.ts'

export type Layer = Blob & { /** Of the tar itself. */ readonly diffId: string }

// 2.0 s instead of 3.3 s for 67 MB of programs and libraries, and 6 % more bytes, which nodes pull over a fast network.
const level = 3

function counting(): { step(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer>; result(): [string, number] } {
  const hash = createHash('sha256')
  let size = 0
  return {
    async *step(chunks) {
      for await (const chunk of chunks) {
        hash.update(chunk)
        size += chunk.length
        yield chunk
      }
    },
    result: () => [`sha256:${hash.digest('hex')}`, size],
  }
}

/** On disk, so that it can be sent again; gone when `use` ends. */
export async function withLayer<T>(
  tar: Readable,
  folder: string,
  signal: AbortSignal,
  use: (layer: Layer) => Promise<T>,
): Promise<T> {
  const own = await mkdtemp(join(folder, 'deis-layer-'))
  try {
    const file = join(own, 'layer.tar.gz')
    const plain = counting()
    const packed = counting()
    const to = createWriteStream(file, { mode: 0o600 })
    try {
      await pipeline(tar, plain.step, createGzip({ level }), packed.step, to, { signal })
    } catch (error) {
      signal.throwIfAborted()
      // Not the network's codes: those are the registry's.
      throw new Error(`the layer cannot be packed: ${(error as Error).message}`, { cause: error })
    }
    const [diffId] = plain.result()
    const [digest, size] = packed.result()
    return await use({ diffId, digest, size, open: () => createReadStream(file) })
  } finally {
    await rm(own, { recursive: true, force: true })
  }
}
