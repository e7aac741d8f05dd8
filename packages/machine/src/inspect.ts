// How does the platform read a folder that another user may write to?
import type { ChildProcess } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import type { RunAs } from './accounts.ts'
import type { Launch } from './archive.ts'
import {
  type Answer,
  type AnswerOrder,
  ArchiveFailure,
  type FileStart,
  type Listed,
  orderDescriptor,
  type Question,
} from './archive/order.ts'

/** Paths are below the folder, or absolute. Answers are limited to what the folder's user may read. */
export type Inspector = {
  /** Whether there is anything but a folder, even a broken link. */
  has(path: string): Promise<boolean>
  /** The first bytes of a file; a link is not followed. */
  start(path: string, bytes: number): Promise<FileStart>
  /** The first `most` entries of a folder, in the order of the disk. */
  list(path: string, most: number): Promise<Listed>
  /** Ends the program. */
  close(): void
}

/** How much of a file is read at most. */
export const mostBytes = 4 * 2 ** 20
// In base64, with what is around it.
const longestAnswer = mostBytes * 1.4 + 1_000_000

type Waiting = { readonly resolve: (answer: unknown) => void; readonly reject: (error: Error) => void }

/** Passes each complete line on. @throws when one is too long */
function byLine(each: (line: string) => void): (chunk: Buffer) => void {
  let waiting: Buffer[] = []
  let size = 0
  return (chunk) => {
    let from = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      each(Buffer.concat([...waiting, chunk.subarray(from, end)]).toString('utf8'))
      waiting = []
      size = 0
      from = end + 1
    }
    waiting.push(chunk.subarray(from))
    size += chunk.length - from
    if (size > longestAnswer) throw new ArchiveFailure('the archive program returned more than was asked for')
  }
}

type Options = { readonly runAs?: RunAs | null; readonly signal?: AbortSignal }

/** Starts the archive program in the folder; it becomes `runAs` before it looks at anything. */
export function inspect(
  program: readonly string[],
  launch: Launch,
  folder: string,
  { runAs = null, signal }: Options,
): Inspector {
  const waiting: Waiting[] = []
  let over: Error | null = null
  const child: ChildProcess = launch(program, {
    cwd: folder,
    env: {},
    stdio: ['pipe', 'pipe', 'ignore', 'pipe', 'ignore'],
  })
  const pipes = child.stdio as unknown as readonly [Writable, Readable, null, Writable]
  const [input, output] = pipes
  const order = pipes[orderDescriptor]
  const fail = (error: Error): void => {
    over ??= error
    child.kill('SIGKILL')
    for (const { reject } of waiting.splice(0)) reject(over)
  }
  const cancel = (): void => fail(signal?.reason as Error)
  signal?.addEventListener('abort', cancel, { once: true })
  child.once('error', fail)
  child.once('close', (code, name) => {
    signal?.removeEventListener('abort', cancel)
    fail(new ArchiveFailure(`the archive program ended early (${name ?? `exit code ${code}`})`))
  })
  // The end of the program says more.
  for (const pipe of [input, output, order]) pipe.on('error', () => {})
  const take = byLine((line) => {
    const reply = JSON.parse(line) as Answer
    const asked = waiting.shift()
    if ('answer' in reply) asked?.resolve(reply.answer)
    else asked?.reject(new ArchiveFailure(reply.failed))
  })
  output.on('data', (chunk: Buffer) => {
    try {
      take(chunk)
    } catch (error) {
      fail(error as Error)
    }
  })
  order.end(JSON.stringify({ mode: 'answer', runAs } satisfies AnswerOrder))
  const ask = (question: Question): Promise<unknown> =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      if (over) throw over
      waiting.push({ resolve, reject })
      input.write(`${JSON.stringify(question)}\n`)
    })
  return {
    has: async (path) => (await ask({ ask: 'has', path })) as boolean,
    start: async (path, bytes) => (await ask({ ask: 'start', path, bytes: Math.min(bytes, mostBytes) })) as FileStart,
    list: async (path, most) => (await ask({ ask: 'list', path, most })) as Listed,
    close: () => fail(new ArchiveFailure('the inspector was closed')),
  }
}
