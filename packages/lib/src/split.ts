// How does a stream of bytes become lines for the log?

export type Splitter = {
  push(chunk: Buffer): string[]
  /** The last line, when it has no end yet. */
  flush(): string[]
  /** How many bytes wait for their line's end. */
  pending(): number
}

const newline = 0x0a

function text(bytes: Buffer): string {
  return bytes.toString('utf8').replaceAll('\r', '')
}

/** Where to cut so that no character is torn: UTF-8 continues with bytes 10xxxxxx, at most three of them. */
function cut(bytes: Buffer, most: number): number {
  for (let at = most; at > most - 4 && at > 0; at--) if (((bytes[at] ?? 0) & 0xc0) !== 0x80) return at
  return most
}

/** Longer lines than `maxBytes` become several; carriage returns go; invalid UTF-8 becomes U+FFFD. */
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
      // A copy, so that the whole chunk is not kept for the sake of its last bytes.
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
