// What does the platform do in a folder that another user may write to? All of it through one program, as that user.
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Program } from './archive-program.ts'
import {
  type ArchiveLimits,
  type ArchiveResult,
  ArchiveFailure,
  BadFolder,
  defaultLimits,
  type FileStart,
  type Listed,
  mostBytes,
  type PackResult,
  type PathOrder,
  type UnpackOrder,
} from './archive/order.ts'

/** Paths are below the folder, or absolute. All is limited to what the folder's user may do. */
export type Paths = {
  /** Whether there is anything but a folder, even a broken link. */
  has(path: string): Promise<boolean>
  /** The first bytes of a file; a link is not followed. */
  start(path: string, bytes: number): Promise<FileStart>
  /** The first `most` entries of a folder, in the order of the disk. */
  list(path: string, most: number): Promise<Listed>
  /** A file with this text, in folders that are made where they are missing. */
  write(path: string, text: string, mode?: 'executable'): Promise<void>
  /** A file or a folder, if it is there. */
  remove(path: string): Promise<void>
}

export type Limits = { readonly limits?: Partial<ArchiveLimits> }

export type Unpacking = Limits & Pick<UnpackOrder, 'rooted'>

export type Packing = Limits & {
  /** Paths to leave out; folders may end with `/`. */
  readonly skip?: readonly string[]
  /** Names to leave out wherever they are. */
  readonly skipNames?: readonly string[]
  readonly level?: number
  /** Files keep their times; default: they have none, and the archive depends on nothing but content. */
  readonly times?: boolean
  /** Maximum size of the archive itself. */
  readonly archiveBytes?: number
  /** Whether the folder becomes what unpacking the archive would make, if it has no more than that; not with `times`. */
  readonly settle?: boolean
}

export type Packed = PackResult & {
  /** `sha256:<hex>` of the file. */
  readonly digest: string
  readonly size: number
}

export type OpenFolder = Paths & {
  /**
   * Unpacks a tar (gzipped or not) where nothing else writes meanwhile. Once.
   * @throws BadArchive
   */
  unpack(source: Readable, options?: Unpacking): Promise<ArchiveResult>
  /**
   * Packs all into a gzipped tar without owners, entries named `./…`, further names of a file as hard links. It is the last
   * thing that is done.
   * @throws BadFolder
   */
  pack(file: string, options?: Packing): Promise<Packed>
  /** Resolves when its program has ended. */
  close(): Promise<void>
}

/** What both say when both have ended; what the program says comes first, since it knows the cause. */
export async function both<Reply, Other>(replied: Promise<unknown>, carried: Promise<Other>): Promise<[Reply, Other]> {
  const [reply, other] = await Promise.allSettled([replied, carried])
  if (reply.status === 'rejected') throw reply.reason
  if (other.status === 'rejected') throw other.reason
  return [reply.value as Reply, other.value]
}

/** Gives the program its input. */
export async function feed(source: Readable, program: Program): Promise<void> {
  try {
    await pipeline(source, program.input)
  } catch (error) {
    // A program that stops reading says why.
    if (/^(EPIPE|ECONNRESET|ERR_STREAM_PREMATURE_CLOSE)$/.test(String((error as NodeJS.ErrnoException).code))) return
    program.fail(error as Error)
    throw error
  }
}

async function write(program: Program, file: string, most: number): Promise<Omit<Packed, keyof PackResult>> {
  const hash = createHash('sha256')
  let size = 0
  try {
    await pipeline(
      program.output,
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
  } catch (error) {
    program.fail(error as Error)
    throw error
  }
  return { digest: `sha256:${hash.digest('hex')}`, size }
}

/** `byTar`: whether the tar of the machine packs it, see PackOrder. @throws TarFault then, when that does not work */
export function folderOf(program: Program, byTar = false): OpenFolder {
  const ask = async <Reply>(order: PathOrder): Promise<Reply> => (await program.ask(order)) as Reply
  return {
    has: (path) => ask({ mode: 'has', path }),
    start: (path, bytes) => ask({ mode: 'start', path, bytes: Math.min(bytes, mostBytes) }),
    list: (path, most) => ask({ mode: 'list', path, most }),
    write: (path, text, mode) => ask({ mode: 'write', path, text, executable: mode === 'executable' }),
    remove: (path) => ask({ mode: 'remove', path }),
    async unpack(source, { limits, rooted = false } = {}) {
      try {
        const order = { mode: 'unpack', folder: null, limits: { ...defaultLimits, ...limits }, rooted } as const
        const [result] = await both<ArchiveResult, void>(program.ask(order), feed(source, program))
        return result
      } finally {
        source.destroy()
      }
    },
    async pack(file, options = {}) {
      const {
        limits,
        skip = [],
        skipNames = [],
        level = 6,
        times = false,
        archiveBytes = Infinity,
        settle = false,
      } = options
      const replied = program.ask({
        mode: 'pack',
        limits: { ...defaultLimits, ...limits },
        skip,
        skipNames,
        level,
        times,
        settle,
        tar: byTar,
      })
      program.finish()
      const [result, written] = await both<PackResult, Omit<Packed, keyof PackResult>>(
        replied,
        write(program, file, archiveBytes),
      )
      return { ...result, ...written }
    },
    async close() {
      program.fail(new ArchiveFailure('the folder was closed'))
      await program.closed
    },
  }
}
