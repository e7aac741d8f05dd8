// How does a slug become the layer of an image: whose files, where, and with which launcher?
import { posix } from 'node:path'
import { PassThrough, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { Header, Pack, Parser, type ReadEntry, type WriteEntryTar } from 'tar'
import { BadArchive } from '../../os/archive.ts'
import { launcher, processFolder } from './launcher.ts'

const epoch = new Date(0)

/** Of the platform: nobody but root writes it. */
function rootEntry(path: string, mode: number, text?: string): Buffer[] {
  const content = Buffer.from(text ?? '')
  const header = new Header({
    path,
    mode,
    uid: 0,
    gid: 0,
    size: content.length,
    mtime: epoch,
    type: text === undefined ? 'Directory' : 'File',
  })
  header.encode()
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512)
  return [header.block ?? Buffer.alloc(0), content, padding]
}

function head(processes: Readonly<Record<string, string>>): Buffer {
  const folder = processFolder.slice(1)
  return Buffer.concat([
    ...rootEntry('runner/', 0o755),
    ...rootEntry('runner/init', 0o755, launcher),
    ...rootEntry(`${folder}/`, 0o755),
    ...Object.entries(processes).flatMap(([type, command]) => rootEntry(`${folder}/${type}`, 0o644, `${command}\n`)),
  ])
}

/** Why an entry has no place in the layer; null: it has. */
export function refusal(entry: Pick<ReadEntry, 'path' | 'type' | 'linkpath'>): string | null {
  const outside = (path: string): boolean => posix.isAbsolute(path) || /^\.\.(\/|$)/.test(posix.normalize(path))
  const shown = JSON.stringify(entry.path)
  if (outside(entry.path)) return `${shown} leads outside the app`
  // A layer would take it for the deletion of a file below.
  if (posix.basename(entry.path).startsWith('.wh.')) return `${shown} has a name that image layers reserve`
  switch (entry.type) {
    case 'File':
    case 'OldFile':
    case 'ContiguousFile':
    case 'Directory':
    case 'SymbolicLink':
      return null
    case 'Link':
      return outside(entry.linkpath ?? '') ? `${shown} links outside the app` : null
    default:
      return `${shown} is a ${entry.type}`
  }
}

/**
 * A tar with the launcher and the slug's files below `app/`, owned by `user`; depends on nothing but the slug and the
 * processes. @throws BadArchive (from the stream) when the slug is not what a slug is.
 */
export function slugLayer(slug: Readable, user: number, processes: Readonly<Record<string, string>>): Readable {
  const pack = new Pack({
    onWriteEntry(given) {
      // What is copied from another archive is of this class; the library's types know only the other one.
      const entry = given as unknown as WriteEntryTar
      // Also links inside: they name files of the same archive.
      entry.path = posix.join('app', entry.path)
      if (entry.type === 'Link') entry.linkpath = posix.join('app', entry.linkpath ?? '')
      entry.uid = user
      entry.gid = user
      entry.uname = ''
      entry.gname = ''
      entry.mtime = epoch
      entry.atime = undefined
      entry.ctime = undefined
      entry.mode = (entry.mode ?? 0o644) & 0o777
    },
  })
  const parser = new Parser({
    strict: true,
    onReadEntry(entry) {
      const reason = refusal(entry)
      if (reason === null) pack.add(entry)
      else parser.abort(new BadArchive(reason))
    },
  })
  parser.on('ignoredEntry', (entry: ReadEntry) => parser.abort(new BadArchive(refusal(entry) ?? 'an unknown entry')))
  const out = new PassThrough()
  out.write(head(processes))
  pack.pipe(out)
  const fail = (error: unknown): void => {
    const known = error instanceof BadArchive ? error : new BadArchive((error as Error).message, { cause: error })
    out.destroy(known)
  }
  parser.on('error', fail)
  parser.on('end', () => pack.end())
  out.on('close', () => slug.destroy())
  pipeline(slug, createGunzip(), parser as unknown as NodeJS.WritableStream).catch(fail)
  return out
}
