// How much is there to come? A stream is read until that is known or it is a lot, and then given on whole.
import { Readable } from 'node:stream'

/** `small`: all of it, or null when it is a lot; `all` has what was read as well. @throws what the source fails with */
export async function begun(
  source: Readable,
  most: number,
): Promise<{ readonly small: Buffer | null; readonly all: Readable }> {
  const first: Buffer[] = []
  let size = 0
  for await (const chunk of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    first.push(chunk)
    size += chunk.length
    if (size <= most) continue
    source.unshift(Buffer.concat(first))
    return { small: null, all: source }
  }
  return { small: Buffer.concat(first), all: Readable.from(first) }
}
