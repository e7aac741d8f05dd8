// How does the archive program run? In the folder it is started in: `unpack` and `look` read an archive from their input, `pack`
// writes one to its output, `relay` does both, `answer` reads questions. It is a separate program so that its crashes, its memory
// and its rights are not those of the controller.
import { readFileSync, writeSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import {
  ArchiveFailure,
  type ArchiveOrder,
  type ArchiveReply,
  type ArchiveResult,
  BadArchive,
  orderDescriptor,
  type RelayOrder,
  replyDescriptor,
} from './order.ts'
import type { RunAs } from '../accounts.ts'
import { answer } from './answer.ts'
import { look } from './look.ts'
import { tarOfFolder } from './pack.ts'
import { relayed } from './relay.ts'
import { unpack } from './unpack.ts'

function become(runAs: RunAs | null): void {
  if (!runAs || process.getuid?.() !== 0) return
  process.setgroups?.([])
  process.setgid?.(runAs.gid)
  process.setuid?.(runAs.uid)
}

async function work(order: ArchiveOrder): Promise<ArchiveResult> {
  become(order.runAs)
  if (order.mode === 'unpack') return unpack(process.stdin, order.limits)
  if (order.mode === 'look') return look(process.stdin, order)
  if (order.mode === 'answer') return answer(process.stdin, process.stdout)
  let result: ArchiveResult | null = null
  const keep = (made: ArchiveResult): void => void (result = made)
  if (order.mode === 'pack')
    await pipeline(Readable.from(tarOfFolder(order, keep)), createGzip({ level: order.level }), process.stdout)
  else await relay(order, keep)
  if (result === null) throw new Error('packing ended early')
  return result
}

async function relay(order: RelayOrder, keep: (made: ArchiveResult) => void): Promise<void> {
  try {
    await pipeline(process.stdin, createGunzip(), (plain: Readable) => relayed(plain, order, keep), process.stdout)
  } catch (error) {
    throw error instanceof ArchiveFailure ? error : new BadArchive((error as Error).message, { cause: error })
  }
}

function replyTo(error: unknown): ArchiveReply {
  const { message, code } = error as NodeJS.ErrnoException
  if (error instanceof ArchiveFailure)
    return { failure: { kind: error instanceof BadArchive ? 'archive' : 'folder', message } }
  return { failure: { kind: 'other', message, code } }
}

/** Executes the order, replies, and ends the process. */
export function runArchive(exit: (code: number) => void): void {
  const end = (reply: ArchiveReply): void => {
    // The controller may be gone, and then no reply is needed.
    try {
      writeSync(replyDescriptor, JSON.stringify(reply))
    } finally {
      exit('ok' in reply ? 0 : 1)
    }
  }
  process.on('uncaughtException', (error) => end(replyTo(error)))
  const order = JSON.parse(readFileSync(orderDescriptor, 'utf8')) as ArchiveOrder
  work(order).then(
    (ok) => end({ ok }),
    (error: unknown) => end(replyTo(error)),
  )
}
