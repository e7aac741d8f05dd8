// How is a stream of bytes split into lines of limited length?

const newline = 0x0a

/** @throws when a line is longer than `limit` bytes. An unfinished last line is dropped. */
export async function* linesOf(source: AsyncIterable<Buffer>, limit: number): AsyncGenerator<string> {
  let parts: Buffer[] = []
  let size = 0
  for await (const chunk of source) {
    let start = 0
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      parts.push(chunk.subarray(start, end))
      size += end - start
      if (size > limit) throw new Error(`a line is longer than ${limit} bytes`)
      yield Buffer.concat(parts, size).toString('utf8')
      parts = []
      size = 0
      start = end + 1
    }
    parts.push(chunk.subarray(start))
    size += chunk.length - start
    if (size > limit) throw new Error(`a line is longer than ${limit} bytes`)
  }
}
