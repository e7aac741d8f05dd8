// How does input that comes in messages become a stream that a command reads at its own pace?
import { Readable } from 'node:stream'

export type Input = {
  readonly stream: Readable
  add(chunk: Buffer): void
  end(): void
}

/** `used` is called for every byte once: when the command's side has taken it, or will never take it. */
export function createInput(used: (bytes: number) => void): Input {
  const waiting: (Buffer | null)[] = []
  let isWanted = false
  const stream = new Readable({
    read() {
      isWanted = true
      flow()
    },
  })
  const flow = (): void => {
    while (waiting.length > 0 && (isWanted || stream.destroyed)) {
      const chunk = waiting.shift() ?? null
      // Nothing is pushed after the end, or to a destroyed stream.
      if (!stream.destroyed) isWanted = stream.push(chunk)
      if (chunk) used(chunk.length)
    }
  }
  stream.once('close', flow)
  // A command may close its input: its reader then destroys this stream.
  stream.on('error', () => {})
  return {
    stream,
    add(chunk) {
      waiting.push(chunk)
      flow()
    },
    end() {
      waiting.push(null)
      flow()
    },
  }
}
