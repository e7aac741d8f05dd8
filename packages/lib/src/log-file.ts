// How are the newest log lines kept on disk in bounded space?
import { appendFile, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Lines in two files, the current one and the one before it: at most twice `maxBytes` on disk. */
export type LogFile = {
  /** Appends whole lines; a newline is added to each. Calls are written in the order they were made. */
  append(lines: readonly string[]): Promise<void>
  /** The newest lines, oldest first. */
  tail(count: number): Promise<string[]>
  /**
   * Returns the same as `tail`, then calls back with each line appended after that, once, until the signal is aborted. Lines
   * that could not be written to disk are passed on as well.
   */
  follow(count: number, onLines: (lines: readonly string[]) => void, signal: AbortSignal): Promise<string[]>
  remove(): Promise<void>
}

async function contentOf(file: string, lastBytes: number): Promise<string> {
  try {
    const { size } = await stat(file)
    if (size <= lastBytes) return await readFile(file, 'utf8')
    const handle = await open(file)
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(lastBytes), 0, lastBytes, size - lastBytes)
      const text = buffer.toString('utf8', 0, bytesRead)
      return text.slice(text.indexOf('\n') + 1)
    } finally {
      await handle.close()
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

async function endsOpen(file: string): Promise<boolean> {
  try {
    const handle = await open(file)
    try {
      const { size } = await handle.stat()
      return size > 0 && (await handle.read(Buffer.alloc(1), 0, 1, size - 1)).buffer[0] !== 0x0a
    } finally {
      await handle.close()
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

export function openLogFile(file: string, maxBytes: number): LogFile {
  const older = `${file}.1`
  let size: number | null = null
  let queue: Promise<unknown> = Promise.resolve()
  let removed = false
  const followers = new Set<(lines: readonly string[]) => void>()
  const inOrder = <T>(work: () => Promise<T>): Promise<T> => {
    const result = queue.then(work)
    // A failure is reported to its own caller, not to the next one.
    queue = result.catch(() => {})
    return result
  }
  const write = async (text: string): Promise<void> => {
    if (removed) return
    if (size === null) {
      await mkdir(dirname(file), { recursive: true, mode: 0o700 })
      // A write that was cut short by a kill stays a line of its own.
      if (await endsOpen(file)) await appendFile(file, '\n')
      size = await stat(file).then(
        (found) => found.size,
        () => 0,
      )
    }
    if (size > 0 && size + Buffer.byteLength(text) > maxBytes) {
      await rename(file, older)
      size = 0
    }
    await appendFile(file, text, { mode: 0o600 })
    size += Buffer.byteLength(text)
  }
  const read = async (count: number): Promise<string[]> => {
    if (count <= 0) return []
    // 16 KiB per line is far above the limit for lines, so this reads enough, or everything.
    const newest = (await contentOf(file, count * 16_384)).split('\n').slice(0, -1)
    if (newest.length >= count) return newest.slice(-count)
    const before = (await contentOf(older, count * 16_384)).split('\n').slice(0, -1)
    return [...before, ...newest].slice(-count)
  }
  return {
    async append(lines) {
      if (lines.length === 0) return
      await inOrder(async () => {
        try {
          await write(`${lines.join('\n')}\n`)
        } finally {
          if (!removed) for (const follower of followers) follower(lines)
        }
      })
    },
    tail: (count) => inOrder(() => read(count)),
    follow: (count, onLines, signal) =>
      inOrder(async () => {
        const found = await read(count)
        if (signal.aborted) return found
        followers.add(onLines)
        signal.addEventListener('abort', () => followers.delete(onLines), { once: true })
        return found
      }),
    remove: () =>
      inOrder(async () => {
        removed = true
        await Promise.all([rm(file, { force: true }), rm(older, { force: true })])
      }),
  }
}
