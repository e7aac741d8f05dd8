// How is what a container prints taken out of the engine's one stream, with back-pressure?
export type Frame = { readonly from: 'stdout' | 'stderr'; readonly bytes: Buffer }

/** `[type, 0, 0, 0, length of what follows, 4 bytes]` */
const headerBytes = 8
/** Parts of lines are 16 KiB; what a terminal or exec prints comes as it was written. */
const maxFrame = 16 * 1024 * 1024

/** What the engine itself says in a stream (frame type 3): it cannot go on. */
export class StreamFault extends Error {}

/** @throws StreamFault also for what is not such a stream. */
export async function* demux(stream: AsyncIterable<Buffer | string>): AsyncGenerator<Frame> {
  let rest: Buffer = Buffer.alloc(0)
  /** So many bytes are there before it is worth looking again: each chunk is copied once. */
  let wanted = headerBytes
  let parts: Buffer[] = []
  let held = 0
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk)
    parts.push(bytes)
    held += bytes.length
    if (held < wanted) continue
    rest = parts.length === 1 ? bytes : Buffer.concat(parts)
    for (;;) {
      wanted = headerBytes
      if (rest.length < headerBytes) break
      const type = rest.readUInt8(0)
      const length = rest.readUInt32BE(4)
      if (type > 3 || rest.readUIntBE(1, 3) !== 0 || length > maxFrame)
        throw new StreamFault('the Docker Engine sent a stream that cannot be read')
      wanted = headerBytes + length
      if (rest.length < wanted) break
      const body = rest.subarray(headerBytes, wanted)
      rest = rest.subarray(wanted)
      if (type === 3) throw new StreamFault(body.toString('utf8').slice(0, 500))
      if (type > 0 && body.length > 0) yield { from: type === 2 ? 'stderr' : 'stdout', bytes: body }
    }
    parts = rest.length === 0 ? [] : [Buffer.from(rest)]
    held = rest.length
  }
}
