// How are archives packed and unpacked in a program of its own, so that any fault is an error and nothing worse?
import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { PassThrough, type Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { RunAs } from './accounts.ts'
import { inspect, type Inspector } from './inspect.ts'
import {
  ArchiveFailure,
  type ArchiveLimits,
  type ArchiveOrder,
  type ArchiveFault,
  type ArchiveReply,
  type ArchiveResult,
  BadArchive,
  BadFolder,
  defaultLimits,
  type LookOrder,
  orderDescriptor,
  type RelayOrder,
  replyDescriptor,
  type Seen,
} from './archive/order.ts'

export { ArchiveFailure, BadArchive, BadFolder, type RelayFile, type Seen } from './archive/order.ts'

type Common = {
  /** The user that the program becomes before it touches a file; default: the current one. */
  readonly runAs?: RunAs | null
  readonly limits?: Partial<ArchiveLimits>
  readonly signal?: AbortSignal
}

export type PackOptions = Common & {
  /** Paths to leave out; folders may end with `/`. */
  readonly skip?: readonly string[]
  /** Names to leave out wherever they are. */
  readonly skipNames?: readonly string[]
  readonly level?: number
  /** Files keep their times; default: they have none, and the archive depends on nothing but content. */
  readonly times?: boolean
  /** Maximum size of the archive itself. */
  readonly archiveBytes?: number
}

export type Packed = ArchiveResult & {
  /** `sha256:<hex>` of the file. */
  readonly digest: string
  readonly size: number
}

export type Archiver = {
  /**
   * Unpacks a tar (gzipped or not) into an existing folder, where nothing else writes meanwhile.
   * @throws BadArchive
   */
  unpack(source: Readable, folder: string, options?: Common): Promise<ArchiveResult>
  unpackFile(file: string, folder: string, options?: Common): Promise<ArchiveResult>
  /**
   * Packs a folder into a gzipped tar without owners, entries named `./…`, further names of a file as hard links.
   * @throws BadFolder
   */
  pack(folder: string, file: string, options?: PackOptions): Promise<Packed>
  /**
   * Reads through a tar (not compressed) in a file without unpacking it.
   * @throws BadArchive
   */
  look(file: string, wanted: Pick<LookOrder, 'names' | 'read' | 'largest'>, options?: Common): Promise<Seen>
  /**
   * A tar, not compressed, with the caller's files and then all of a gzipped tar below a folder. It fails with BadArchive when
   * that one is invalid, and ends only when all of it has been passed on.
   */
  relay(source: Readable, into: Pick<RelayOrder, 'files' | 'folder' | 'user'>, options?: Common): Readable
  /** Answers questions about a folder until it is closed. */
  inspect(folder: string, options?: Omit<Common, 'limits'>): Inspector
}

/** Starts the program, possibly inside a wrapper. Descriptors 0 to 4 must reach it. */
export type Launch = (program: readonly string[], options: SpawnOptions) => ChildProcess

const launchPlainly: Launch = ([command = '', ...args], options) => spawn(command, args, options)

const maxReply = 1_000_000
const maxErrorText = 2000

async function collect(stream: Readable, limit: number): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (size < limit) chunks.push(chunk)
    size += chunk.length
  }
  return Buffer.concat(chunks).toString('utf8')
}

function failureOf({ kind, message, code }: ArchiveFault): Error {
  if (kind === 'archive') return new BadArchive(message)
  if (kind === 'folder') return new BadFolder(message)
  return Object.assign(new Error(message), code === undefined ? {} : { code })
}

function resultOf(text: string, errors: string, child: ChildProcess): ArchiveResult {
  let reply
  try {
    reply = JSON.parse(text) as ArchiveReply
  } catch (error) {
    const how = child.signalCode ?? `exit code ${child.exitCode}`
    const lastLine = errors.trim().split('\n').at(-1) ?? ''
    throw new ArchiveFailure(`the archive program ended without a result (${how}) ${lastLine}`.trim(), { cause: error })
  }
  if ('ok' in reply) return reply.ok
  throw failureOf(reply.failure)
}

async function feed(source: Readable, child: ChildProcess): Promise<void> {
  await pipeline(source, child.stdin as Writable).catch((error: unknown) => {
    // A program that stops reading reports why.
    if (!/^(EPIPE|ECONNRESET|ERR_STREAM_PREMATURE_CLOSE)$/.test(String((error as NodeJS.ErrnoException).code)))
      throw error
  })
}

/** `program`: the argument vector that runs archive/main.ts. */
export function createArchiver(program: readonly string[], launch: Launch = launchPlainly): Archiver {
  const run = async (
    order: ArchiveOrder,
    folder: string,
    input: 'pipe' | 'ignore' | number,
    signal: AbortSignal | undefined,
    carry: (child: ChildProcess) => Promise<void>,
  ): Promise<ArchiveResult> => {
    signal?.throwIfAborted()
    const child = launch(program, { cwd: folder, env: {}, stdio: [input, 'pipe', 'pipe', 'pipe', 'pipe'] })
    const kill = (): void => void child.kill('SIGKILL')
    signal?.addEventListener('abort', kill, { once: true })
    try {
      const closed = once(child, 'close')
      const pipes = child.stdio as unknown as readonly [unknown, Readable, Readable, Writable, Readable]
      const orders = pipes[orderDescriptor]
      // It may have ended before it reads its order: then there is no result either.
      orders.on('error', () => {})
      orders.end(JSON.stringify(order))
      const carried = carry(child).then(
        () => null,
        (error: unknown) => {
          kill()
          return error
        },
      )
      const [text, errors] = await Promise.all([
        collect(pipes[replyDescriptor], maxReply),
        collect(pipes[2], maxErrorText),
        closed,
      ])
      signal?.throwIfAborted()
      const broken = await carried
      try {
        const result = resultOf(text, errors, child)
        if (broken === null) return result
      } catch (error) {
        // A fault of the archive or the folder is the cause; any other may only be a consequence of what broke around it.
        if (broken === null || error instanceof BadArchive || error instanceof BadFolder) throw error
      }
      throw broken
    } finally {
      signal?.removeEventListener('abort', kill)
    }
  }

  const fromFile = async (
    order: ArchiveOrder,
    file: string,
    folder: string,
    signal: AbortSignal | undefined,
  ): Promise<ArchiveResult> => {
    let handle: FileHandle | null = null
    try {
      handle = await open(file)
      return await run(order, folder, handle.fd, signal, async (child) => {
        child.stdout?.resume()
      })
    } finally {
      await handle?.close()
    }
  }

  const unpackOrder = ({ runAs = null, limits }: Common): ArchiveOrder => ({
    mode: 'unpack',
    runAs,
    limits: { ...defaultLimits, ...limits },
  })

  const write = async (child: ChildProcess, file: string, most: number): Promise<{ digest: string; size: number }> => {
    const hash = createHash('sha256')
    let size = 0
    await pipeline(
      child.stdout as Readable,
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          hash.update(chunk)
          size += chunk.length
          if (size > most)
            throw new BadFolder(`the app is larger than ${Math.round(most / 2 ** 20)} MB when compressed`)
          yield chunk
        }
      },
      createWriteStream(file, { mode: 0o600 }),
    )
    return { digest: `sha256:${hash.digest('hex')}`, size }
  }

  return {
    async unpack(source, folder, options = {}) {
      try {
        return await run(unpackOrder(options), folder, 'pipe', options.signal, async (child) => {
          child.stdout?.resume()
          await feed(source, child)
        })
      } finally {
        source.destroy()
      }
    },
    unpackFile: (file, folder, options = {}) => fromFile(unpackOrder(options), file, folder, options.signal),
    async look(file, wanted, { runAs = null, limits, signal } = {}) {
      const order: LookOrder = { ...wanted, mode: 'look', runAs, limits: { ...defaultLimits, ...limits } }
      return (await fromFile(order, file, '/', signal)) as Seen
    },
    relay(source, into, { runAs = null, limits, signal } = {}) {
      const order: RelayOrder = { ...into, mode: 'relay', runAs, limits: { ...defaultLimits, ...limits } }
      const out = new PassThrough()
      const over = new AbortController()
      out.on('close', () => {
        over.abort(new Error('the archive is no longer read'))
        source.destroy()
      })
      const carry = async (child: ChildProcess): Promise<void> => {
        await Promise.all([feed(source, child), pipeline(child.stdout as Readable, out, { end: false })])
      }
      run(order, '/', 'pipe', signal ? AbortSignal.any([signal, over.signal]) : over.signal, carry).then(
        () => out.end(),
        (error: unknown) => out.destroy(error as Error),
      )
      return out
    },
    inspect: (folder, options = {}) => inspect(program, launch, folder, options),
    async pack(folder, file, options = {}) {
      const {
        runAs = null,
        limits,
        skip = [],
        skipNames = [],
        level = 6,
        times = false,
        archiveBytes = Infinity,
      } = options
      const order: ArchiveOrder = {
        mode: 'pack',
        runAs,
        limits: { ...defaultLimits, ...limits },
        skip,
        skipNames,
        level,
        times,
      }
      let written = { digest: '', size: 0 }
      const result = await run(order, folder, 'ignore', options.signal, async (child) => {
        written = await write(child, file, archiveBytes)
      })
      return { ...result, ...written }
    },
  }
}
