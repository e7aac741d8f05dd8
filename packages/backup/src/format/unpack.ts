// How is a backup unpacked, so that whatever it contains writes nothing but the files of a backup?
import { createHash, type Hash } from 'node:crypto'
import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { refusal, tarParser } from '@deis/machine/archive/entries'
import { BadArchive } from '@deis/machine/archive/order'
import { DeisError } from '@deis/types'
import { decrypted, magic, type Opening } from './encryption.ts'
import { bytesOf, longestManifest, type Manifest, type ManifestFile, manifestName, readManifest } from './manifest.ts'
import { sizeText } from './size.ts'

const damaged = (why: string, cause?: unknown): DeisError =>
  new DeisError('invalid', `The backup is damaged: ${why}.`, { cause })

type Head = {
  readonly first: Buffer
  /** All of the stream. */
  readonly whole: Readable
  /** Why it broke off; null: it did not. */
  failure(): unknown
}

async function withHead(source: Readable): Promise<Head> {
  let failed: unknown = null
  const rest = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  let first = Buffer.alloc(0)
  while (first.length < magic.length) {
    const { done, value } = await rest.next()
    if (done) break
    first = Buffer.concat([first, value])
  }
  const all = async function* (): AsyncGenerator<Buffer> {
    yield first
    for (;;) {
      const next = await rest.next().catch((error: unknown) => {
        failed = error
        throw error
      })
      if (next.done) return
      yield next.value
    }
  }
  return { first, whole: Readable.from(all(), { objectMode: false }), failure: () => failed }
}

async function* plainTar(source: Readable, opening: Opening): AsyncGenerator<Buffer> {
  const { first, whole, failure } = await withHead(source)
  const isEncrypted = first.subarray(0, magic.length).toString('latin1') === magic
  if (!isEncrypted && !(first[0] === 0x1f && first[1] === 0x8b))
    throw new DeisError('invalid', 'This file is not a backup of Deis.')
  const compressed = isEncrypted ? await decrypted(whole, opening, failure) : whole
  const gunzip = createGunzip()
  compressed.on('error', (error) => gunzip.destroy(error))
  compressed.pipe(gunzip)
  try {
    yield* gunzip as AsyncIterable<Buffer>
  } catch (error) {
    if (!String((error as NodeJS.ErrnoException).code).startsWith('Z_')) throw error
    throw (error as Error).message === 'unexpected end of file'
      ? new DeisError('invalid', 'The backup is cut off: its end is missing.', { cause: error })
      : damaged('it cannot be decompressed', error)
  } finally {
    compressed.destroy()
    source.destroy()
  }
}

/** No more than fits, with something left for those who use the disk besides. */
async function needSpace(folder: string, files: readonly ManifestFile[]): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  const needed = bytesOf(files)
  if (needed > bavail * bsize)
    throw new DeisError(
      'unavailable',
      `The backup unpacks to ${sizeText(needed)}, and "${folder}" has ${sizeText(bavail * bsize)} free.`,
      { hint: 'Free some space first.' },
    )
}

type Current = { readonly file: ManifestFile; readonly fd: number; readonly hash: Hash }

/** @throws DeisError; what the disk says. */
export async function unpack(
  source: Readable,
  folder: string,
  opening: Opening,
  { durable }: { readonly durable: boolean },
): Promise<Manifest> {
  let manifest: Manifest | null = null
  let chunks: Buffer[] | null = null
  let current: Current | null = null
  const waiting = new Map<string, ManifestFile>()
  const begin = (path: string, size: number): void => {
    if (manifest === null) {
      if (path !== manifestName) throw damaged(`it begins with ${JSON.stringify(path)}, not with ${manifestName}`)
      if (size > longestManifest) throw damaged(`${manifestName} has ${size} bytes`)
      chunks = []
      return
    }
    const file = waiting.get(path)
    if (!file) throw damaged(`${JSON.stringify(path)} is not in its list of files, or comes twice`)
    if (file.bytes !== size) throw damaged(`"${path}" has ${size} bytes, not ${file.bytes}`)
    waiting.delete(path)
    mkdirSync(dirname(join(folder, path)), { recursive: true, mode: 0o700 })
    current = { file, fd: openSync(join(folder, path), 'wx', 0o600), hash: createHash('sha256') }
  }
  const end = (): void => {
    if (chunks !== null) {
      manifest = readManifest(Buffer.concat(chunks).toString('utf8'))
      for (const file of manifest.files) waiting.set(file.path, file)
      chunks = null
    }
    if (current === null) return
    const { file, fd, hash } = current
    if (durable) fsyncSync(fd)
    closeSync(fd)
    current = null
    if (hash.digest('hex') !== file.sha256) throw damaged(`"${file.path}" does not have the checksum that it must have`)
  }
  const parser = tarParser(
    { entries: 1_000_001, bytes: Number.MAX_SAFE_INTEGER },
    {
      begin: (entry) => begin(entry.path, entry.size),
      data(chunk) {
        if (chunks !== null) chunks.push(chunk)
        if (current === null) return
        current.hash.update(chunk)
        for (let at = 0; at < chunk.length;) at += writeSync(current.fd, chunk, at)
      },
      end,
    },
    (entry) => refusal(entry) ?? (entry.type === 'File' ? null : `${JSON.stringify(entry.path)} is a ${entry.type}`),
  )
  let measured = false
  try {
    for await (const chunk of plainTar(source, opening)) {
      parser.write(chunk)
      // Known after the first entry; whatever is written before is a few bytes.
      const known = manifest as Manifest | null
      if (measured || known === null) continue
      measured = true
      await needSpace(folder, known.files)
    }
    parser.end()
  } catch (error) {
    if (error instanceof BadArchive) throw damaged(error.message, error)
    throw error
  } finally {
    const open = current as Current | null
    if (open !== null) closeSync(open.fd)
    source.destroy()
  }
  const read = manifest as Manifest | null
  if (read === null) throw damaged('it is empty')
  const [missing] = waiting.keys()
  if (missing !== undefined) throw damaged(`"${missing}" is missing`)
  return read
}
