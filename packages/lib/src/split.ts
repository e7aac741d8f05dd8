// How is a stream of bytes split into log lines?

export type Splitter = {
  push(chunk: Buffer): string[]
  /** The last line, if it is not complete yet. */
  flush(): string[]
  /** How many bytes of an incomplete line are held back. */
  pending(): number
}

const newline = 0x0a

function text(bytes: Buffer): string {
  return bytes.toString('utf8').replaceAll('\r', '')
}

/** Where to cut without splitting a character: UTF-8 continues with bytes 10xxxxxx, at most three of them. */
function cut(bytes: Buffer, most: number): number {
  for (let at = most; at > most - 4 && at > 0; at--) if (((bytes[at] ?? 0) & 0xc0) !== 0x80) return at
  return most
}

/** Lines longer than `maxBytes` are split; carriage returns are removed; invalid UTF-8 becomes U+FFFD. */
export function createSplitter(maxBytes: number): Splitter {
  let rest: Buffer = Buffer.alloc(0)
  return {
    push(chunk) {
      const lines: string[] = []
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      for (;;) {
        const end = rest.indexOf(newline)
        if (end < 0 && rest.length <= maxBytes) break
        const long = end < 0 || end > maxBytes
        const at = long ? cut(rest, maxBytes) : end
        lines.push(text(rest.subarray(0, at)))
        rest = rest.subarray(long ? at : at + 1)
      }
      // A copy, so that the last bytes do not keep the whole chunk in memory.
      rest = Buffer.from(rest)
      return lines
    },
    flush() {
      const line = text(rest)
      const none = rest.length === 0
      rest = Buffer.alloc(0)
      return none ? [] : [line]
    },
    pending: () => rest.length,
  }
}
