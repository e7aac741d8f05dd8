// How is an untrusted archive unpacked without anything escaping from the folder? Runs in the archive program only.
import { once } from 'node:events'
import { type Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import type { ReadEntry } from 'tar'
import { type ArchiveLimits, type ArchiveResult, BadArchive, leftOutList } from './order.ts'
import { extraction, type OpenFile } from './extract.ts'
import { refusal, rootedRefusal, tarParser } from './entries.ts'

function attempt(work: () => void): Error | null {
  try {
    work()
    return null
  } catch (error) {
    return error as Error
  }
}

/** Writes the entries of a tar into the working folder; symbolic links only at the very end. */
function entryWriter(
  limits: ArchiveLimits,
  rooted: boolean,
): { readonly writer: Writable; readonly result: () => ArchiveResult } {
  const target = extraction('.')
  const links: { readonly path: string; readonly linkpath: string }[] = []
  const leftOut = leftOutList()
  let open: OpenFile | null = null
  const begin = (entry: ReadEntry): void => {
    const mode = entry.mode ?? 0o644
    const { path, type, linkpath = '' } = entry
    // The library replaces bytes that are not valid text: several names would become one.
    if (`${path}${linkpath}`.includes('\uFFFD')) leftOut.add(path, 'its name is not UTF-8')
    else if (type === 'Directory') target.folder(path, mode)
    else if (type === 'SymbolicLink') links.push({ path, linkpath })
    else if (type === 'Link') target.hardLink(path, linkpath)
    else open = target.file(path, mode, entry.mtime)
  }
  const close = (): void => {
    open?.close()
    open = null
  }
  const steps = { begin, data: (chunk: Buffer) => open?.write(chunk), end: close }
  const parser = tarParser(limits, steps, rooted ? rootedRefusal : refusal)
  const writer = new Writable({
    write(chunk: Buffer, _encoding, done) {
      done(attempt(() => parser.write(chunk)))
    },
    final(done) {
      done(
        attempt(() => {
          parser.end()
          links.forEach(({ path, linkpath }) => target.symbolicLink(path, linkpath))
        }),
      )
    },
    destroy(error, done) {
      close()
      done(error)
    },
  })
  return { writer, result: () => ({ ...parser.seen(), leftOut: leftOut.list() }) }
}

async function isGzipped(source: Readable): Promise<boolean> {
  await once(source, 'readable')
  const head = source.read() as Buffer | null
  if (head === null) return false
  source.unshift(head)
  return head[0] === 0x1f && head[1] === 0x8b
}

// Disk failures are not the archive's fault.
const diskFailures = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EMFILE', 'ENFILE', 'EACCES', 'EPERM'])

/**
 * Unpacks a tar (gzipped or not) into the working folder, where nothing else writes meanwhile. Symbolic links are kept as
 * they are, wherever they lead, but are never written through.
 * @throws BadArchive for entries that leave the folder, devices, sockets, damaged archives and those beyond the limits.
 */
export async function unpack(source: Readable, limits: ArchiveLimits, rooted = false): Promise<ArchiveResult> {
  try {
    const gzipped = await isGzipped(source)
    const { writer, result } = entryWriter(limits, rooted)
    await (gzipped ? pipeline(source, createGunzip(), writer) : pipeline(source, writer))
    return result()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (error instanceof BadArchive || diskFailures.has(code ?? '')) throw error
    throw new BadArchive(message, { cause: error })
  }
}
