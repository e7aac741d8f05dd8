// Which SSH keys does a user have (docs/contract/api.md §2.12)?
import { createHash, randomUUID } from 'node:crypto'
import { invalidField, type Key, notFound } from '@deis/types'
import { isUniqueViolation } from '../../store/errors.ts'
import { bounds } from '../apps/bounds.ts'
import type { Caller, Core } from '../core.ts'
import { type PageRequest, type Slice, readSlice } from '../apps/page.ts'
import { marked } from '../requests/request-mark.ts'
import { toKey } from '../apps/rows.ts'

/** The two fingerprints of a key blob: `aa:bb:…` (MD5, as the original shows it) and `SHA256:…`, as ssh-keygen prints it. */
export function fingerprints(blob: Buffer): { md5: string; sha256: string } {
  const md5 = createHash('md5')
    .update(blob)
    .digest('hex')
    .replace(/..(?!$)/g, '$&:')
  const sha256 = createHash('sha256').update(blob).digest('base64').replace(/=$/, '')
  return { md5, sha256: `SHA256:${sha256}` }
}

const keyTypes = /^(ssh-rsa|ssh-ed25519|ssh-dss|ecdsa-sha2-nistp(256|384|521)|sk-[a-z0-9@.-]+)$/

/** The blob of `type base64 [comment]`; its first field must repeat the type, as every real key's does. */
export function keyBlob(text: string): Buffer {
  const refuse = (): never => {
    throw invalidField('public', 'Key contains invalid base64 chars')
  }
  const [type = '', encoded = ''] = text.split(/\s+/)
  if (!keyTypes.test(type) || !/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return refuse()
  const blob = Buffer.from(encoded, 'base64')
  if (blob.length < 4) return refuse()
  const length = blob.readUInt32BE(0)
  if (length !== type.length || blob.toString('latin1', 4, 4 + length) !== type) return refuse()
  return blob
}

export async function addKey(core: Core, caller: Caller, body: { id: string; public: string }): Promise<Key> {
  const name = body.id.trim()
  const text = body.public.trim()
  if (name === '') throw invalidField('id', 'This field may not be blank.')
  if (text === '') throw invalidField('public', 'This field may not be blank.')
  if (/[\r\n\0]/.test(text)) throw invalidField('public', 'Key contains invalid base64 chars')
  const { md5, sha256 } = fingerprints(keyBlob(text))
  if (await core.db.key.findUnique({ where: { name } }))
    throw invalidField('id', 'SSH Key with this id already exists.')
  const count = await core.db.key.count({ where: { userId: caller.id } })
  if (count >= bounds.keysOfUser)
    throw invalidField('id', `"${caller.username}" has ${count} keys, the maximum. Remove one with deis keys:remove.`)
  const now = new Date()
  try {
    const data = {
      uuid: randomUUID(),
      name,
      public: text,
      md5,
      sha256,
      userId: caller.id,
      createdAt: now,
      updatedAt: now,
    }
    return await marked(
      core,
      caller.request,
      async (tx) => toKey(await tx.key.create({ data }), caller.username),
      (answer) => ({ answer }),
    )
  } catch (error) {
    if (isUniqueViolation(error)) throw invalidField('public', 'Public Key is already in use')
    throw error
  }
}

export async function keysPage(core: Core, caller: Caller, page: PageRequest): Promise<Slice<Key>> {
  const where = { userId: caller.id }
  return readSlice(
    page,
    (part) => core.db.key.findMany({ where, orderBy: { public: 'asc' }, ...part }),
    () => core.db.key.count({ where }),
    (row) => toKey(row, caller.username),
  )
}

export async function keyNamed(core: Core, caller: Caller, name: string): Promise<Key> {
  const row = await core.db.key.findFirst({ where: { name, userId: caller.id } })
  if (!row) throw notFound('Key')
  return toKey(row, caller.username)
}

export async function removeKey(core: Core, caller: Caller, name: string): Promise<void> {
  await marked(core, caller.request, async (tx) => {
    const { count } = await tx.key.deleteMany({ where: { name, userId: caller.id } })
    if (count === 0) throw notFound('Key')
  })
}

/** The owner of a key by its SHA-256 fingerprint. */
export async function keyOwner(core: Core, sha256: string): Promise<{ readonly username: string } | null> {
  const found = await core.db.key.findUnique({
    where: { sha256 },
    select: { user: { select: { username: true, isActive: true } } },
  })
  return found?.user.isActive ? found.user : null
}
