// How are archives packed and unpacked in a program of its own, so that any fault is an error and nothing worse?
import { PassThrough, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { RunAs } from './accounts.ts'
import type { Tar } from './tar.ts'
import { begun } from './begun.ts'
import { hasHardNames } from './hard-names.ts'
import { openPrograms, type Program } from './archive-program.ts'
import {
  type ArchiveLimits,
  type ArchiveResult,
  defaultLimits,
  type Fingerprint,
  type LeftOut,
  type LookOrder,
  type RelayOrder,
  type Seen,
  TarFault,
} from './archive/order.ts'
import {
  both,
  feed,
  folderOf,
  type Limits,
  type OpenFolder,
  type Packed,
  type Packing,
  type Unpacking,
} from './folder.ts'

export { ArchiveFailure, BadArchive, BadFolder, type RelayFile, type Seen } from './archive/order.ts'
export type { OpenFolder, Packed } from './folder.ts'

type User = {
  /** The user that the program becomes before it touches a file; default: the current one. */
  readonly runAs?: RunAs | null
  readonly signal?: AbortSignal
}

export type Archiver = {
  /** A folder that is used for a while: without this each of the following starts a program. */
  open(
    folder: string,
    options?: User,
  ): OpenFolder & {
    /**
     * As `unpack`, of a tar that git makes: one that is large, or has names that our program leaves out, by the tar of the
     * machine where that can. When that fails it is read again, by our program.
     */
    unpackTree(source: () => Readable, limits: ArchiveLimits): Promise<readonly LeftOut[]>
  }
  unpack(source: Readable, folder: string, options?: User & Unpacking): Promise<ArchiveResult>
  /** A file of the platform into each of these folders, one after the other: the result is the same for each. */
  unpackFile(file: string, folders: readonly [string, ...string[]], options?: User & Limits): Promise<ArchiveResult>
  /** A slug of this platform into each of these empty folders: by the tar of the machine where that can, and otherwise as above. */
  unpackSlug(slug: string, folders: readonly string[], options?: User): Promise<void>
  pack(folder: string, file: string, options?: User & Packing): Promise<Packed>
  fingerprint(folder: string, options?: User): Promise<Fingerprint>
  /**
   * Reads through a tar (not compressed) in a file without unpacking it.
   * @throws BadArchive
   */
  look(file: string, wanted: Pick<LookOrder, 'names' | 'read' | 'largest'>, options?: User & Limits): Promise<Seen>
  /**
   * A tar, not compressed, with the caller's files and then all of a gzipped tar below a folder. It fails with BadArchive when
   * that one is invalid, and ends only when all of it has been passed on.
   */
  relay(source: Readable, into: Pick<RelayOrder, 'files' | 'folder' | 'user'>, options?: User & Limits): Readable
  /** So many programs are soon needed, and more to unpack slugs: to start one takes longer than to pack a small app. */
  expect(count: number, slugs?: number): void
}

/** Our program, which runs already, has unpacked this much before another one has started. */
const smallTree = 512 * 1024

/** `vector`: the argument vector that runs archive/main.ts. */
export function createArchiver(vector: readonly string[], tar: Tar | null = null): Archiver {
  const programs = openPrograms(vector)

  /** One piece of work. Afterwards its program has ended. */
  const once = async <Result>(
    folder: string,
    { runAs = null, signal }: User,
    input: string | null,
    work: (program: Program) => Promise<Result>,
  ): Promise<Result> => {
    const program = programs.open({ folder, runAs, input }, signal)
    try {
      const result = await work(program)
      signal?.throwIfAborted()
      return result
    } finally {
      program.finish()
      await program.closed
    }
  }

  /** Packs a folder, and once more by our program when the tar of the machine has not. */
  const packed = (
    folder: string,
    file: string,
    options: User & Packing,
    first: () => Promise<Packed>,
  ): Promise<Packed> =>
    first().catch((error: unknown) => {
      options.signal?.throwIfAborted()
      if (!(error instanceof TarFault)) throw error
      return once(folder, options, null, (program) => folderOf(program).pack(file, options))
    })

  const archiver: Archiver = {
    open(folder, { runAs = null, signal } = {}) {
      const opened = folderOf(programs.open({ folder, runAs, input: null }, signal), tar !== null)
      return {
        ...opened,
        pack: (file, options = {}) =>
          packed(folder, file, { ...options, runAs, signal }, () => opened.pack(file, options)),
        async unpackTree(source, limits) {
          const { small, all } = await begun(source(), smallTree)
          if (tar === null || (small !== null && !hasHardNames(small)))
            return (await opened.unpack(all, { limits })).leftOut
          try {
            await tar.unpackPlain(all, folder, limits, { runAs, signal })
            return []
          } catch {
            // Ours replaces what is there, and says better what is wrong with it.
            signal?.throwIfAborted()
            return (await opened.unpack(source(), { limits })).leftOut
          }
        },
      }
    },
    unpack: (source, folder, options = {}) =>
      once(folder, options, null, (program) => folderOf(program).unpack(source, options)),
    unpackFile: (file, [first, ...others], options = {}) =>
      once(first, options, file, async (program) => {
        const limits = { ...defaultLimits, ...options.limits }
        const result = (await program.ask({ mode: 'unpack', folder: null, limits })) as ArchiveResult
        for (const folder of others) await program.ask({ mode: 'unpack', folder, limits })
        return result
      }),
    async unpackSlug(slug, [first, ...others], options = {}) {
      if (first === undefined) return
      try {
        if (tar !== null) return await tar.unpack(slug, [first, ...others], options)
      } catch {
        // Ours replaces what is there, and says better what is wrong with a slug.
        options.signal?.throwIfAborted()
      }
      await archiver.unpackFile(slug, [first, ...others], options)
    },
    pack: (folder, file, options = {}) =>
      packed(folder, file, options, () =>
        once(folder, options, null, (program) => folderOf(program, tar !== null).pack(file, options)),
      ),
    fingerprint: (folder, options = {}) =>
      once(folder, options, null, async (program) => (await program.ask({ mode: 'fingerprint' })) as Fingerprint),
    look: (file, wanted, options = {}) =>
      once('/', options, file, async (program) => {
        const order = { ...wanted, mode: 'look', limits: { ...defaultLimits, ...options.limits } } as const
        return (await program.ask(order)) as Seen
      }),
    relay(source, into, { runAs, limits, signal } = {}) {
      const order: RelayOrder = { ...into, mode: 'relay', limits: { ...defaultLimits, ...limits } }
      const out = new PassThrough()
      const over = new AbortController()
      out.on('close', () => {
        over.abort(new Error('the archive is no longer read'))
        source.destroy()
      })
      const user = { runAs, signal: signal ? AbortSignal.any([signal, over.signal]) : over.signal }
      once('/', user, null, (program) => {
        const replied = program.ask(order)
        program.finish()
        const carried = Promise.all([feed(source, program), pipeline(program.output, out, { end: false })])
        return both(
          replied,
          carried.catch((error: Error) => {
            program.fail(error)
            throw error
          }),
        )
      }).then(
        () => out.end(),
        (error: unknown) => out.destroy(error as Error),
      )
      return out
    },
    expect: (count, slugs = 0) => programs.expect(count + (tar === null ? slugs : 0)),
  }
  return archiver
}
