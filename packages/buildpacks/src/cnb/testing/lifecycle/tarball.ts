// How are files packed so that the same files make the same layer?
import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { Header, Pax } from 'tar'

export type Owner = { readonly uid: number; readonly gid: number }
export type Entry = {
  /** Without a slash at its beginning. */
  readonly path: string
  readonly mode: number
  readonly owner: Owner
  readonly content: Buffer | { readonly link: string } | 'folder'
}

// All times of layers are this one.
const mtime = new Date('1980-01-01T00:00:01Z')

function packed({ path, mode, owner, content }: Entry): Buffer[] {
  const isFile = Buffer.isBuffer(content)
  const type = isFile ? 'File' : content === 'folder' ? 'Directory' : 'SymbolicLink'
  const body = isFile ? content : Buffer.alloc(0)
  const linkpath = isFile || content === 'folder' ? undefined : content.link
  const header = new Header({
    path: type === 'Directory' ? `${path}/` : path,
    type,
    mode,
    mtime,
    size: body.length,
    ...owner,
    ...(linkpath === undefined ? {} : { linkpath }),
  })
  const long = header.encode() ? [new Pax({ path, ...(linkpath === undefined ? {} : { linkpath }) }).encode()] : []
  return [...long, header.block as Buffer, body, Buffer.alloc((512 - (body.length % 512)) % 512)]
}

export const pack = (entries: readonly Entry[]): Buffer =>
  Buffer.concat([...entries.flatMap(packed), Buffer.alloc(1024)])

/** Everything in a folder, below the path that it will have in the image; the folders above belong to root. */
export function entriesOf(folder: string, path: string, owner: Owner): Entry[] {
  const above = path.split('/').slice(0, -1)
  const root = { uid: 0, gid: 0 }
  const parents = above.map((_, index): Entry => ({
    path: above.slice(0, index + 1).join('/'),
    mode: 0o755,
    owner: root,
    content: 'folder',
  }))
  const walk = (from: string, to: string): Entry[] => {
    const stat = lstatSync(from)
    const mode = stat.mode & 0o7777
    if (stat.isSymbolicLink()) return [{ path: to, mode: 0o777, owner, content: { link: readlinkSync(from) } }]
    if (!stat.isDirectory()) return [{ path: to, mode, owner, content: readFileSync(from) }]
    const below = readdirSync(from).toSorted()
    return [
      { path: to, mode: mode & 0o777, owner, content: 'folder' },
      ...below.flatMap((name) => walk(join(from, name), `${to}/${name}`)),
    ]
  }
  return [...parents, ...walk(folder, path)]
}

export const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
