// How are secrets stored so that the database alone reveals none of them?
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  randomBytes,
  scrypt,
  timingSafeEqual,
} from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'

const derive = promisify(scrypt) as (
  password: string,
  salt: Buffer,
  length: number,
  options: { N: number; r: number; p: number; maxmem: number },
) => Promise<Buffer>

/** Seals text for one purpose; a sealed value cannot be opened for another purpose (row kinds are not interchangeable). */
export type Vault = {
  seal(purpose: string, text: string): string
  open(purpose: string, sealed: string): string
  /** The same for the same text, of fixed size. Without the key, the text cannot be found by trying. */
  digest(purpose: string, text: string): string
}

const keyBytes = 32
const ivBytes = 12
const tagBytes = 16

/** AES-256-GCM; the sealed form is `v1.` and base64url of iv, tag and text. */
export function createVault(key: Buffer): Vault {
  if (key.length !== keyBytes) throw new Error(`the secret key must be ${keyBytes} bytes`)
  return {
    seal(purpose, text) {
      const iv = randomBytes(ivBytes)
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(purpose))
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return `v1.${Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url')}`
    },
    open(purpose, sealed) {
      const [version, encoded] = sealed.split('.')
      if (version !== 'v1' || !encoded) throw new Error('not a sealed value')
      const all = Buffer.from(encoded, 'base64url')
      const decipher = createDecipheriv('aes-256-gcm', key, all.subarray(0, ivBytes)).setAAD(Buffer.from(purpose))
      decipher.setAuthTag(all.subarray(ivBytes, ivBytes + tagBytes))
      return Buffer.concat([decipher.update(all.subarray(ivBytes + tagBytes)), decipher.final()]).toString('utf8')
    },
    digest: (purpose, text) =>
      createHmac('sha256', key).update(`${purpose.length} ${purpose}${text}`).digest('base64url'),
  }
}

/** A random secret kept in a file of its own (0600), created at first use. */
export async function secretFile(file: string, bytes = keyBytes): Promise<Buffer> {
  const read = async (): Promise<Buffer> => Buffer.from((await readFile(file, 'utf8')).trim(), 'hex')
  try {
    const found = await read()
    if (found.length !== bytes)
      throw new Error(`${file} does not hold ${bytes} bytes in hex; restore it from your backup`)
    return found
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await writeFile(file, `${randomBytes(bytes).toString('hex')}\n`, { mode: 0o600, flag: 'wx' })
  return read()
}

// 32 MiB and about 80 ms a try: the parameters are stored, so they can grow later.
const cost = { N: 32_768, r: 8, p: 1 }

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16)
  const hash = await derive(password, salt, 32, { ...cost, maxmem: 128 * 1024 * 1024 })
  return `scrypt$${cost.N}$${cost.r}$${cost.p}$${salt.toString('base64url')}$${hash.toString('base64url')}`
}

export async function verifyPassword(password: string, stored: string): Promise<boolean> {
  const [kind, n, r, p, salt, hash] = stored.split('$')
  if (kind !== 'scrypt' || !salt || !hash) return false
  const wanted = Buffer.from(hash, 'base64url')
  const options = { N: Number(n), r: Number(r), p: Number(p), maxmem: 256 * 1024 * 1024 }
  const found = await derive(password, Buffer.from(salt, 'base64url'), wanted.length, options)
  return timingSafeEqual(found, wanted)
}

/** 40 lowercase hex characters, 160 bits (docs/contract/api.md §1.3). */
export function newToken(): string {
  return randomBytes(20).toString('hex')
}

/** Tokens are random, so a plain hash is enough to make the stored form useless. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

/** Compares secrets in constant time. */
export function sameSecret(left: string, right: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(left), digest(right))
}
