// How does the archive program run? It executes orders in one folder, as that folder's user. It is a separate program so that
// its crashes, its memory and its rights are not those of the controller.
import { createReadStream, openSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import {
  ArchiveFailure,
  type ArchiveFault,
  type ArchiveOrder,
  type ArchiveReply,
  type ArchiveResult,
  BadArchive,
  type Opening,
  orderDescriptor,
  type PackOrder,
  type PackResult,
  type RelayOrder,
  replyDescriptor,
  TarFault,
} from './order.ts'
import type { RunAs } from '../accounts.ts'
import { fingerprint } from './fingerprint.ts'
import { look } from './look.ts'
import { byTar } from './by-tar.ts'
import { tarOf } from './pack.ts'
import { atPath, isPathOrder } from './paths.ts'
import { relayed } from './relay.ts'
import { unpack } from './unpack.ts'
import { type Entry, walk } from './walk.ts'

type Reply = Extract<ArchiveReply, { ok: unknown }>['ok']

function become(runAs: RunAs | null): void {
  if (!runAs || process.getuid?.() !== 0) return
  process.setgroups?.([])
  process.setgid?.(runAs.gid)
  process.setuid?.(runAs.uid)
}

/** @returns what opens the input */
function begin({ folder, runAs, input }: Opening): () => Readable {
  const descriptor = input === null ? null : openSync(input, 'r')
  process.chdir(folder)
  become(runAs)
  if (descriptor === null) return () => process.stdin
  return () => createReadStream('', { fd: descriptor, start: 0, autoClose: false })
}

/** So many are packed before another program has started. */
const fewEntries = 1000

function begun(entries: Generator<Entry>, most: number): { readonly isMore: boolean; readonly all: Iterable<Entry> } {
  const first: Entry[] = []
  for (let next = entries.next(); !next.done; next = entries.next()) {
    first.push(next.value)
    if (first.length < most) continue
    const all = function* (): Generator<Entry> {
      yield* first
      yield* entries
    }
    return { isMore: true, all: all() }
  }
  return { isMore: false, all: first }
}

async function pack(order: PackOrder, keep: (made: PackResult) => void): Promise<void> {
  const { settle, times, limits, level } = order
  const { entries, grown, result } = walk(order)
  // From the disk tar reads modes that the umask has changed, if that is an unusual one.
  const usable = order.tar && !times && (!settle || (process.umask() & 0o755) === 0)
  const { isMore, all } = usable ? begun(entries, fewEntries) : { isMore: false, all: entries }
  const packed = isMore ? byTar(all, limits) : tarOf(all, grown, times)
  await pipeline(Readable.from(packed), createGzip({ level }), process.stdout)
  keep(result())
}

async function relay(input: Readable, order: RelayOrder, keep: (made: ArchiveResult) => void): Promise<void> {
  try {
    await pipeline(input, createGunzip(), (plain: Readable) => relayed(plain, order, keep), process.stdout)
  } catch (error) {
    throw error instanceof ArchiveFailure ? error : new BadArchive((error as Error).message, { cause: error })
  }
}

async function execute(input: () => Readable, order: ArchiveOrder): Promise<Reply> {
  if (isPathOrder(order)) return atPath(order)
  if (order.mode === 'unpack') {
    if (order.folder !== null) process.chdir(order.folder)
    return unpack(input(), order.limits, order.rooted)
  }
  if (order.mode === 'look') return look(input(), order)
  if (order.mode === 'fingerprint') return fingerprint()
  let result: ArchiveResult | null = null
  const keep = (made: ArchiveResult): void => void (result = made)
  await (order.mode === 'pack' ? pack(order, keep) : relay(input(), order, keep))
  if (result === null) throw new Error('packing ended early')
  return result
}

function kindOf(error: unknown): ArchiveFault['kind'] {
  if (error instanceof BadArchive) return 'archive'
  if (error instanceof TarFault) return 'tar'
  return error instanceof ArchiveFailure ? 'folder' : 'other'
}

function send(reply: ArchiveReply): void {
  const bytes = Buffer.from(`${JSON.stringify(reply)}\n`)
  for (let from = 0; from < bytes.length;) from += writeSync(replyDescriptor, bytes, from)
}

/** Executes its orders, replies to each, and ends the process. */
export function runArchive(exit: (code: number) => void): void {
  const fail = (error: unknown): void => {
    const { message, code } = error as NodeJS.ErrnoException
    // The controller may be gone, and then no reply is needed.
    try {
      send({ failure: { kind: kindOf(error), message, code } })
    } finally {
      exit(1)
    }
  }
  const work = async (): Promise<void> => {
    let input: (() => Readable) | null = null
    for await (const line of createInterface({ input: new Socket({ fd: orderDescriptor, writable: false }) })) {
      if (input === null) {
        input = begin(JSON.parse(line) as Opening)
        continue
      }
      const order = JSON.parse(line) as ArchiveOrder
      try {
        send({ ok: await execute(input, order) })
      } catch (error) {
        if (!isPathOrder(order)) throw error
        send({ failure: { kind: 'path', message: (error as Error).message } })
      }
    }
  }
  process.on('uncaughtException', fail)
  work().then(() => exit(0), fail)
}
