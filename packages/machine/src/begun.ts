// How much is there to come? A stream is read until that is known or it is a lot, and then given on whole.
import { Readable } from 'node:stream'

/** `all` has what was read as well. @throws what the source fails with */
export async function begun(
  source: Readable,
  most: number,
): Promise<{ readonly isLarge: boolean; readonly all: Readable }> {
  const first: Buffer[] = []
  let size = 0
  for await (const chunk of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    first.push(chunk)
    size += chunk.length
    if (size <= most) continue
    source.unshift(Buffer.concat(first))
    return { isLarge: true, all: source }
  }
  return { isLarge: false, all: Readable.from(first) }
}
