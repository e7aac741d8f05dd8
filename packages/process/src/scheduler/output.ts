// How is the output file of a process followed and kept from growing?
import { fstatSync, ftruncateSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { createSplitter } from '@deis/lib/split'

export type Follower = {
  /** Reads everything written so far. */
  poll(): Promise<void>
  /** The newest lines. */
  last(): readonly string[]
  /** Reads the rest and closes the file. `flush`: there are no more writers, so the last line is complete. */
  close(options: { readonly flush: boolean }): Promise<void>
}

export type FollowOptions = {
  readonly file: string
  /** How far the file was read; survives the controller. */
  readonly offsetFile: string
  readonly lines: (lines: readonly string[], written: Date) => Promise<void>
  /** Gets the raw output until it returns false. */
  readonly bytes?: (chunk: Buffer) => boolean
  readonly failed: (error: unknown) => void
}

const everyMs = 100
const maxLine = 8 * 1024
const chunkBytes = 256 * 1024
const truncateAt = 1024 * 1024
const maxBacklog = 4 * 1024 * 1024
const lastLines = 20

/** The number is padded to 16 characters, so that one small write replaces all of the previous one. */
async function writeOffset(handle: FileHandle, offset: number): Promise<void> {
  await handle.write(String(offset).padStart(16), 0)
}

/** Follows until closed. The file must exist; several processes may append to it one after the other. */
export async function follow(options: FollowOptions): Promise<Follower> {
  const file = await open(options.file, 'r+')
  const offsetHandle = await open(options.offsetFile, 'a+', 0o600).then(async (created) => {
    await created.close()
    return open(options.offsetFile, 'r+')
  })
  const splitter = createSplitter(maxLine)
  const buffer = Buffer.alloc(chunkBytes)
  const recent: string[] = []
  let wantsBytes = options.bytes !== undefined
  let offset = Number((await offsetHandle.readFile('utf8')).trim()) || 0

  const deliver = async (lines: readonly string[], written: Date): Promise<void> => {
    recent.push(...lines)
    recent.splice(0, recent.length - lastLines)
    if (lines.length > 0) await options.lines(lines, written)
    await writeOffset(offsetHandle, offset - splitter.pending())
  }
  const readNew = async (): Promise<void> => {
    for (;;) {
      const { size, mtime } = fstatSync(file.fd)
      // Another process has emptied it.
      if (size < offset) offset = 0
      if (size === offset) return
      if (!wantsBytes && size - offset > maxBacklog) {
        const skipped = size - truncateAt - offset
        offset += skipped
        await deliver([...splitter.flush(), `(${skipped} bytes of output came too fast and were left out)`], mtime)
      }
      const { bytesRead } = await file.read(buffer, 0, chunkBytes, offset)
      if (bytesRead === 0) return
      const chunk = buffer.subarray(0, bytesRead)
      offset += bytesRead
      if (wantsBytes) wantsBytes = options.bytes?.(chunk) ?? false
      await deliver(splitter.push(Buffer.from(chunk)), mtime)
      // Both calls are synchronous: output written in between would be lost.
      if (offset > truncateAt && fstatSync(file.fd).size === offset) {
        ftruncateSync(file.fd)
        offset = 0
        await writeOffset(offsetHandle, 0)
      }
    }
  }

  let reading: Promise<void> | null = null
  let closed: Promise<void> | null = null
  const poll = async (): Promise<void> => {
    // One more read after the current one, which may already be past what the caller waits for.
    if (reading) await reading
    reading ??= readNew()
      .catch(options.failed)
      .finally(() => {
        reading = null
      })
    await reading
  }
  const timer = setInterval(() => {
    if (!reading && fstatSync(file.fd).size !== offset) void poll()
  }, everyMs)
  timer.unref()

  return {
    poll: () => closed ?? poll(),
    last: () => recent,
    close({ flush }) {
      closed ??= (async () => {
        clearInterval(timer)
        await poll()
        if (flush) await deliver(splitter.flush(), new Date()).catch(options.failed)
        await file.close()
        await offsetHandle.close()
      })()
      return closed
    },
  }
}
