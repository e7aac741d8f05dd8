// Where is the data in a chunked body, and where does the body end?
import { BadResponse } from './response.ts'

export type Chunked = {
  /** Gives the data to `out`. @returns where the body ended in `bytes`, -1 when it goes on. @throws BadResponse */
  feed(bytes: Buffer, out: (data: Buffer) => void): number
}

const longestLine = 4_096
const mostTrailers = 16_384
const sizeLine = /^([0-9a-fA-F]{1,12})[ \t]*(?:;.*)?$/

export function createChunked(): Chunked {
  let phase: 'size' | 'data' | 'after' | 'trailer' = 'size'
  let left = 0
  let line = ''
  let trailers = 0

  // A line may be cut anywhere, also between CR and LF.
  const takeLine = (bytes: Buffer, from: number): { next: number; text: string | null } => {
    const end = bytes.indexOf(0x0a, from)
    const stop = end < 0 ? bytes.length : end
    line += bytes.toString('latin1', from, stop)
    if (line.length > longestLine) throw new BadResponse('a chunk of the response has a line without end')
    if (end < 0) return { next: bytes.length, text: null }
    if (!line.endsWith('\r')) throw new BadResponse('a chunk of the response has a line that ends without CR')
    const text = line.slice(0, -1)
    line = ''
    return { next: end + 1, text }
  }

  return {
    feed(bytes, out) {
      let at = 0
      while (at < bytes.length) {
        if (phase === 'data') {
          const end = Math.min(at + left, bytes.length)
          left -= end - at
          out(bytes.subarray(at, end))
          at = end
          if (left === 0) phase = 'after'
          continue
        }
        const { next, text } = takeLine(bytes, at)
        at = next
        if (text === null) return -1
        if (phase === 'after') {
          if (text !== '') throw new BadResponse('a chunk of the response is longer than it says')
          phase = 'size'
        } else if (phase === 'size') {
          const size = sizeLine.exec(text)
          if (size === null) throw new BadResponse('a chunk of the response has no size')
          left = Number.parseInt(size[1]!, 16)
          phase = left === 0 ? 'trailer' : 'data'
        } else {
          if (text === '') return at
          trailers += text.length
          if (trailers > mostTrailers) throw new BadResponse('the response has too many trailers')
        }
      }
      return -1
    },
  }
}
