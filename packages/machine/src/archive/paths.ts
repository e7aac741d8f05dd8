// What is at a path of a folder, and how is it changed? Runs in the archive program only, as the owner of the folder: a link in
// it leads only where that user may go.
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  opendirSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import type { ArchiveOrder, FileStart, Listed, PathOrder } from './order.ts'

type PathReply = boolean | FileStart | Listed | null

function has(path: string): boolean {
  try {
    return !lstatSync(path).isDirectory()
  } catch {
    // It does not exist, or this user has no access to it.
    return false
  }
}

function start(path: string, bytes: number): FileStart {
  let descriptor
  try {
    // Without O_NONBLOCK, opening a named pipe would block.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return { found: 'nothing' }
    return code === 'ELOOP' ? { found: 'link' } : { found: 'unreadable', why: message }
  }
  try {
    const found = fstatSync(descriptor)
    if (!found.isFile()) return { found: 'other' }
    const buffer = Buffer.alloc(Math.min(found.size, bytes))
    const read = readSync(descriptor, buffer)
    return { found: 'file', size: found.size, start: buffer.toString('base64', 0, read) }
  } finally {
    closeSync(descriptor)
  }
}

function list(path: string, most: number): Listed {
  const folder = opendirSync(path)
  try {
    const found: { name: string; folder: boolean }[] = []
    for (let entry = folder.readSync(); entry && found.length < most; entry = folder.readSync())
      found.push({ name: entry.name, folder: entry.isDirectory() })
    return found
  } finally {
    folder.closeSync()
  }
}

function write({ path, text, executable }: Extract<PathOrder, { mode: 'write' }>): null {
  mkdirSync(dirname(path), { recursive: true, mode: 0o750 })
  // Without O_NONBLOCK, opening a named pipe would block.
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NONBLOCK
  const descriptor = openSync(path, flags, 0o640)
  try {
    writeFileSync(descriptor, text)
    if (executable) fchmodSync(descriptor, 0o750)
    return null
  } finally {
    closeSync(descriptor)
  }
}

function remove(path: string): null {
  rmSync(path, { recursive: true, force: true })
  return null
}

const kinds: { readonly [Mode in PathOrder['mode']]: (order: Extract<PathOrder, { mode: Mode }>) => PathReply } = {
  has: ({ path }) => has(path),
  start: ({ path, bytes }) => start(path, bytes),
  list: ({ path, most }) => list(path, most),
  write,
  remove: ({ path }) => remove(path),
}

export const isPathOrder = (order: ArchiveOrder): order is PathOrder => Object.hasOwn(kinds, order.mode)

export function atPath(order: PathOrder): PathReply {
  const execute = kinds[order.mode] as (order: PathOrder) => PathReply
  return execute(order)
}
