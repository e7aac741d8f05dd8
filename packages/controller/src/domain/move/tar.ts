// How are files written to a tar and read from one? Only what we write ourselves is read: plain files, by names that are known.
import type { Readable } from 'node:stream'
import { DeisError } from '@deis/types'
import { Header } from 'tar'
import { type Pace, TooSlow } from './pace.ts'

const blockBytes = 512
/** Two blocks of zeros end a tar. */
export const tarEnd = Buffer.alloc(2 * blockBytes)

const paddingOf = (size: number): number => (blockBytes - (size % blockBytes)) % blockBytes

export const tarBytes = (sizes: readonly number[]): number =>
  sizes.reduce((sum, size) => sum + blockBytes + size + paddingOf(size), tarEnd.length)

/** Secrets are in it, also for those who unpack it by themselves. */
export function tarHeader(path: string, size: number, mtime: Date): Buffer {
  const block = Buffer.alloc(blockBytes)
  new Header({ path, size, mode: 0o600, type: 'File', mtime, uid: 0, gid: 0 }).encode(block)
  return block
}

export const tarPadding = (size: number): Buffer => Buffer.alloc(paddingOf(size))

export const invalidArchive = (why: string, cause?: unknown): DeisError =>
  new DeisError('invalid', `The archive cannot be imported: ${why}. Nothing was changed.`, { cause })

export type TarReader = {
  /** The next header, which must be of this file; returns its size. @throws DeisError invalid */
  open(path: string): Promise<number>
  /** Passes on the content of the file that was opened. */
  content(size: number, each: (chunk: Buffer) => Promise<void> | void): Promise<void>
  /** @throws DeisError invalid when there is more */
  end(): Promise<void>
  /** The rest of the source is left to whoever wants it. */
  close(): Promise<void>
}

/** Reads no further than it is asked to, so that a slow disk slows the sender. */
export function readTar(source: Readable, pace: Pace): TarReader {
  // The connection stays open after an error, for the answer.
  const chunks = source.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>
  let rest: Buffer = Buffer.alloc(0)
  /** Up to so many bytes; empty at the end. */
  const some = async (most: number): Promise<Buffer> => {
    while (rest.length === 0) {
      const came = pace.wait((slow) => source.destroy(slow))
      try {
        const { value, done } = await chunks.next()
        if (done) return rest
        rest = value
      } catch (error) {
        throw invalidArchive(error instanceof TooSlow ? error.message : 'it is cut off', error)
      } finally {
        came(rest.length)
      }
    }
    const part = rest.subarray(0, most)
    rest = rest.subarray(part.length)
    return part
  }
  const pass = async (size: number, each: (chunk: Buffer) => Promise<void> | void): Promise<void> => {
    for (let left = size; left > 0;) {
      const part = await some(left)
      if (part.length === 0) throw invalidArchive('it is cut off')
      left -= part.length
      await each(part)
    }
  }
  const block = async (): Promise<Buffer> => {
    const parts: Buffer[] = []
    await pass(blockBytes, (part) => void parts.push(part))
    return Buffer.concat(parts)
  }
  const zeros = async (size: number): Promise<void> =>
    pass(size, (part) => {
      if (part.some((byte) => byte !== 0)) throw invalidArchive('it has data between its files')
    })
  return {
    async open(path) {
      const head = await block()
      if (head.every((byte) => byte === 0)) throw invalidArchive(`${path} is missing in it`)
      let header
      try {
        header = new Header(head)
      } catch (error) {
        throw invalidArchive('it is not a tar', error)
      }
      if (!header.cksumValid) throw invalidArchive('it is not a tar')
      if (header.path !== path)
        throw invalidArchive(`${JSON.stringify(String(header.path).slice(0, 200))} is in it where ${path} belongs`)
      if (header.type !== 'File') throw invalidArchive(`${path} in it is not a file`)
      const { size } = header
      if (size === undefined || !Number.isSafeInteger(size) || size < 0)
        throw invalidArchive(`${path} in it has no valid size`)
      return size
    },
    async content(size, each) {
      await pass(size, each)
      await zeros(paddingOf(size))
    },
    async close() {
      await chunks.return?.()
    },
    async end() {
      await zeros(tarEnd.length)
      // Programs that write tars fill the last record, of 20 blocks at most.
      for (let more = 0; ;) {
        const part = await some(blockBytes * 20)
        if (part.length === 0) return
        if ((more += part.length) > blockBytes * 20 || part.some((byte) => byte !== 0))
          throw invalidArchive('it has more than its manifest names')
      }
    },
  }
}
