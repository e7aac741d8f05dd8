// How is a stream passed on no faster than it can be sent?
import type { Readable } from 'node:stream'

/**
 * Sends each chunk of `from` after the one before; calls `end` once, when `from` has ended, failed or was closed and all
 * is sent. `send` must not reject. Returns a function that stops reading; `end` is not called afterwards.
 */
export function pump(from: Readable, send: (chunk: Buffer) => Promise<void>, end: () => void): () => void {
  let sent = Promise.resolve()
  let isOver = false
  const pass = (chunk: Buffer | string): void => {
    from.pause()
    sent = send(Buffer.from(chunk as Buffer)).then(() => {
      if (!isOver) from.resume()
    })
  }
  const stop = (): void => {
    isOver = true
    from.off('data', pass).off('end', finish).off('close', finish)
    from.pause()
  }
  const finish = (): void => {
    if (isOver) return
    stop()
    // The end may come while the last part still waits to be sent.
    void sent.then(end)
  }
  // A closed terminal fails instead of ending. This listener stays: a failure after the stop must not be thrown.
  from.on('error', finish)
  from.on('data', pass).on('end', finish).on('close', finish)
  if (from.readableEnded || from.destroyed) finish()
  else from.resume()
  return stop
}
