// How is the output of a one-off command turned into text and limited?
import { StringDecoder } from 'node:string_decoder'

const maxBytes = 10 * 1024 * 1024

/** Passes on text as it comes, in whole characters, up to 10 MiB. */
export function limited(output: (chunk: string) => void) {
  const decoder = new StringDecoder('utf8')
  let left = maxBytes
  const write = (text: string): void => {
    if (text !== '') output(text)
  }
  return {
    /** Returns whether more is wanted. */
    bytes(chunk: Buffer): boolean {
      write(decoder.write(chunk.subarray(0, left)))
      left -= chunk.length
      if (left < 0) write(`\nOutput is longer than ${maxBytes} bytes: the rest is left out.\n`)
      return left >= 0
    },
    end: (): void => write(left < 0 ? '' : decoder.end()),
  }
}
