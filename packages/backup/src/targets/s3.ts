// How are backups kept in a store that speaks S3?
import { Readable } from 'node:stream'
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { DeisError } from '@deis/types'
import type { BackupSettings } from '@deis/controller/config-backup'
import type { Stored, Target } from './target.ts'

/** 10,000 parts are the most that a store takes: 160 GB. Two are held in memory. */
const partBytes = 16 * 2 ** 20
const abandonedMs = 24 * 3600 * 1000
const connectMs = 10_000
const requestMs = 120_000
const mostListed = 100_000

const pattern = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([A-Za-z0-9!_.*'()/-]{0,512}))?$/

type BucketPath = { readonly bucket: string; readonly prefix: string }

/** @throws DeisError */
export function readBucketPath(url: string): BucketPath {
  const [, bucket, path = ''] = pattern.exec(url) ?? []
  if (bucket === undefined)
    throw new DeisError(
      'invalid',
      `"${url}" is not a bucket with a prefix, such as s3://backups/deis; names of buckets have 3 to 63 lowercase letters, digits, dots and hyphens.`,
    )
  const prefix = path.split('/').filter(Boolean).join('/')
  return { bucket, prefix: prefix === '' ? '' : `${prefix}/` }
}

const nameOf = (error: unknown): string => (error as Error).name

/** Which store said what, in one line. */
function failed(title: string, what: string, error: unknown): Error {
  if (nameOf(error) === 'AbortError') return error as Error
  const { message } = error as Error
  const code = nameOf(error)
  return new DeisError(
    'unavailable',
    `The store of "${title}" could not ${what}: ${code === 'Error' ? '' : `${code}: `}${message || 'no reason given'}`,
    {
      hint: /Credentials|SignatureDoesNotMatch|InvalidAccessKeyId|AccessDenied|Forbidden/.test(code)
        ? 'Look at AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and at what they may do in the bucket.'
        : 'Look at DEIS_BACKUP_S3_ENDPOINT and DEIS_BACKUP_S3_REGION.',
      cause: error,
    },
  )
}

export function openS3(url: string, settings: BackupSettings['s3']): Target {
  const { bucket, prefix } = readBucketPath(url)
  const client = new S3Client({
    region: settings.region,
    ...(settings.endpoint === '' ? {} : { endpoint: settings.endpoint }),
    ...(settings.credentials === null ? {} : { credentials: settings.credentials }),
    forcePathStyle: settings.pathStyle,
    // Other stores than Amazon's do not know its newer checksums; what is read back is compared with what was written.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 5,
    requestHandler: { connectionTimeout: connectMs, requestTimeout: requestMs },
  })
  const object = (name: string): { Bucket: string; Key: string } => ({ Bucket: bucket, Key: `${prefix}${name}` })
  const attempt = async <T>(what: string, work: Promise<T>): Promise<T> => {
    try {
      return await work
    } catch (error) {
      throw error instanceof DeisError ? error : failed(url, what, error)
    }
  }

  /** Parts of an upload that was killed are paid for until somebody ends it. */
  const endAbandoned = async (): Promise<void> => {
    const found = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix }))
    for (const { Key, UploadId, Initiated } of found.Uploads ?? [])
      if (Date.now() - (Initiated?.getTime() ?? Date.now()) > abandonedMs)
        await client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId }))
  }

  const upload = async (name: string, source: Readable, signal: AbortSignal): Promise<void> => {
    // Not every store lets these keys list them; then they are the operator's to end.
    await endAbandoned().catch(() => {})
    const work = new Upload({
      client,
      params: { ...object(name), Body: source, ContentType: 'application/octet-stream' },
      partSize: partBytes,
      queueSize: 2,
      leavePartsOnError: false,
    })
    const abort = (): void => void work.abort()
    signal.addEventListener('abort', abort, { once: true })
    try {
      signal.throwIfAborted()
      await work.done()
    } catch (error) {
      signal.throwIfAborted()
      throw error
    } finally {
      signal.removeEventListener('abort', abort)
      source.destroy()
    }
  }

  const get = async (name: string, signal?: AbortSignal): Promise<Readable> => {
    const { Body } = await client.send(new GetObjectCommand(object(name)), { abortSignal: signal })
    if (!(Body instanceof Readable)) throw new Error('the answer has no content')
    return Body
  }

  return {
    title: url,
    offSite: true,
    free: async () => null,
    write: (name, source, signal) => attempt(`store "${name}"`, upload(name, source, signal)),
    read: (name, signal) => attempt(`give "${name}"`, get(name, signal)),
    async readText(name, longest) {
      try {
        const chunks: Buffer[] = []
        let size = 0
        for await (const chunk of (await get(name)) as AsyncIterable<Buffer>) {
          if ((size += chunk.length) > longest)
            throw new DeisError('invalid', `"${name}" has more than ${longest} bytes.`)
          chunks.push(chunk)
        }
        return Buffer.concat(chunks).toString('utf8')
      } catch (error) {
        if (/^(NoSuchKey|NotFound)$/.test(nameOf(error))) return null
        throw error instanceof DeisError ? error : failed(url, `give "${name}"`, error)
      }
    },
    writeText: async (name, text) =>
      void (await attempt(
        `store "${name}"`,
        client.send(new PutObjectCommand({ ...object(name), Body: text, ContentType: 'application/json' })),
      )),
    list: () =>
      attempt(
        'list what it has',
        (async () => {
          const stored: Stored[] = []
          for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix }))
            for (const { Key = '', Size = 0 } of page.Contents ?? []) {
              const name = Key.slice(prefix.length)
              if (name !== '' && !name.includes('/')) stored.push({ name, bytes: Size })
              if (stored.length > mostListed) throw new Error(`there are more than ${mostListed} objects`)
            }
          return stored
        })(),
      ),
    remove: async (name) =>
      void (await attempt(`delete "${name}"`, client.send(new DeleteObjectCommand(object(name))))),
  }
}
