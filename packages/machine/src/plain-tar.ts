// Is a tar of the plain kind that git or our own call of GNU tar makes, within limits? Answered as it passes by, from nothing but its headers.
import type { ArchiveLimits } from './archive/order.ts'
import { block, extended, sizeOf, typeOf } from './tar-header.ts'

/** Files, folders and symbolic links, a comment of git, and names that are too long for a header. */
export const typesOfGit = '052gx\0'
const longestExtended = 64 * 1024

/** Passes a tar on. @throws Error as soon as it is not plain: then it is for the archive program to say what is wrong with it. */
export function plainTar({ entries: most, bytes: mostBytes }: ArchiveLimits, types: string) {
  const plainTypes = new Set(Buffer.from(types))
  return async function* passed(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    const header = Buffer.alloc(block)
    let filled = 0
    /** Bytes until the next header. */
    let left = 0
    let ended = false
    let entries = 0
    let bytes = 0
    let names: Buffer[] | null = null
    const begin = (): void => {
      ended ||= header.every((byte) => byte === 0)
      if (ended) return
      const [size, type] = [sizeOf(header), typeOf(header)]
      if (size === null) throw new Error('a size that is not plain')
      if (!plainTypes.has(type)) throw new Error('an entry that is not plain')
      if (++entries > most || (bytes += size) > mostBytes) throw new Error('larger than allowed')
      if (type === extended && size > longestExtended) throw new Error('a name that is not plain')
      names = type === extended ? [] : null
      left = Math.ceil(size / block) * block
    }
    const take = (chunk: Buffer): void => {
      for (let at = 0; at < chunk.length;) {
        if (left > 0) {
          const part = chunk.subarray(at, at + left)
          names?.push(part)
          left -= part.length
          at += part.length
          // It would say how long the next entry really is.
          if (left === 0 && names && Buffer.concat(names).includes(' size='))
            throw new Error('a size that is not plain')
          continue
        }
        const copied = chunk.copy(header, filled, at, at + block - filled)
        filled = (filled + copied) % block
        at += copied
        if (filled > 0) return
        if (ended && header.some((byte) => byte !== 0)) throw new Error('more after its end')
        begin()
      }
    }
    for await (const chunk of source) {
      take(chunk)
      yield chunk
    }
  }
}
