// How are manifests and blobs of one repository read and written?
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { readBody } from './body.ts'
import type { Answer, Connection } from './connection.ts'
import { type Descriptor, readable, readDocument, TagList } from './documents.ts'
import { BadContent, RegistryFailure } from './failure.ts'
import { isDigest } from './reference.ts'
import { retry } from './retry.ts'
import type { Body } from './wire.ts'

/** The size that the specification requires every registry to accept, and so the largest in use. */
const manifestLimit = 4 * 1024 * 1024

/** For a call whose result does not matter. */
const anything = [400, 401, 403, 404, 405, 500, 501]

export type Blob = Body & { readonly digest: string }
export type Found = { readonly bytes: Buffer; readonly digest: string; readonly mediaType: string }

export type Repository = {
  readonly host: string
  readonly name: string
  readonly connection: Connection
  /** Reads a manifest and verifies its digest. */
  manifest(tagOrDigest: string, signal: AbortSignal): Promise<Found>
  /** Null: there is no such manifest. */
  digestOf(tag: string, signal: AbortSignal): Promise<string | null>
  blob(descriptor: Descriptor, limit: number, signal: AbortSignal): Promise<Buffer>
  /** Streams a blob; its digest is verified where it is written. */
  stream<T>(digest: string, consume: (content: Readable) => Promise<T>, signal: AbortSignal): Promise<T>
  has(digest: string, signal: AbortSignal): Promise<boolean>
  /** Mounts a blob of another repository of the same registry; false if that is not possible. */
  mount(digest: string, from: string, signal: AbortSignal): Promise<boolean>
  /** `tries` 1 for a body that opens once. */
  write(blob: Blob, signal: AbortSignal, tries?: number): Promise<void>
  putManifest(tag: string, mediaType: string, bytes: Buffer, signal: AbortSignal): Promise<string>
  /** False: it was not there, or this registry deletes nothing. */
  removeManifest(digest: string, signal: AbortSignal): Promise<boolean>
  /** A page of tags, and the address of the next. */
  tags(page: URL | null, signal: AbortSignal): Promise<{ readonly tags: readonly string[]; readonly next: URL | null }>
}

function hashOf(algorithm: string, bytes: Buffer): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`
}

function verify(bytes: Buffer, digest: string, what: string): void {
  const found = hashOf(digest.slice(0, digest.indexOf(':')), bytes)
  if (found !== digest) throw new BadContent(`${what} should be ${digest} and is ${found}`)
}

const done = async ({ message }: Answer): Promise<void> => {
  message.resume()
}

export const blobOf = (bytes: Buffer): Blob => ({
  digest: hashOf('sha256', bytes),
  size: bytes.length,
  open: () => Readable.from([bytes]),
})

const longestLink = 4_096

/** The next page in a Link header; only ever on the same server. */
export function nextPage(link: string | readonly string[] | undefined, current: URL): URL | null {
  const target = /<([^<>]*)>\s*;[^<,]*\brel="?next"?/i.exec(String(link ?? '').slice(0, longestLink))?.[1]
  if (target === undefined || !URL.canParse(target, current.href)) return null
  const { pathname, search } = new URL(target, current)
  return new URL(`${pathname}${search}`, current)
}

function uploadOf({ message, url }: Answer): URL {
  const { location = '' } = message.headers
  if (location === '' || !URL.canParse(location, url.href))
    throw new RegistryFailure(500, '', url.host, 'it begins an upload without a location')
  return new URL(location, url)
}

export function openRepository(connection: Connection, name: string): Repository {
  const { host } = connection
  const pull = [`repository:${name}:pull`]
  const push = [`repository:${name}:pull,push`]

  const has = (digest: string, signal: AbortSignal): Promise<boolean> =>
    connection.call(
      { method: 'HEAD', url: `${name}/blobs/${digest}`, scopes: pull, also: [404], signal },
      async (answer) => {
        await done(answer)
        return answer.status !== 404
      },
    )

  return {
    host,
    name,
    connection,
    has,
    manifest: (tagOrDigest, signal) =>
      connection.call(
        { method: 'GET', url: `${name}/manifests/${tagOrDigest}`, scopes: pull, accept: readable, signal },
        async ({ message }) => {
          const bytes = await readBody(message, manifestLimit, 'the manifest')
          const told = message.headers['docker-content-digest']
          const promised = isDigest(tagOrDigest)
            ? tagOrDigest
            : typeof told === 'string' && isDigest(told)
              ? told
              : null
          if (promised !== null) verify(bytes, promised, 'the manifest')
          const mediaType = (message.headers['content-type'] ?? '').split(';', 1)[0]?.trim() ?? ''
          return { bytes, digest: promised ?? hashOf('sha256', bytes), mediaType }
        },
      ),
    digestOf: (tag, signal) =>
      connection.call(
        { method: 'HEAD', url: `${name}/manifests/${tag}`, scopes: pull, accept: readable, also: [404], signal },
        async (answer) => {
          await done(answer)
          const told = answer.message.headers['docker-content-digest']
          return answer.status !== 404 && typeof told === 'string' && isDigest(told) ? told : null
        },
      ),
    blob: ({ digest, size }, limit, signal) => {
      if (size > limit) throw new BadContent(`${digest} has more than ${limit} bytes`)
      return connection.call(
        { method: 'GET', url: `${name}/blobs/${digest}`, scopes: pull, signal },
        async ({ message }) => {
          const bytes = await readBody(message, limit, digest)
          verify(bytes, digest, 'the blob')
          return bytes
        },
      )
    },
    stream: (digest, consume, signal) =>
      connection.call(
        { method: 'GET', url: `${name}/blobs/${digest}`, scopes: pull, transfer: true, signal },
        async ({ message }) => {
          try {
            return await consume(message)
          } finally {
            message.destroy()
          }
        },
      ),
    mount: async (digest, from, signal) => {
      const query = new URLSearchParams({ mount: digest, from }).toString()
      const scopes = [...push, `repository:${from}:pull`]
      const unwanted = await connection.call(
        { method: 'POST', url: `${name}/blobs/uploads/?${query}`, scopes, signal },
        async (answer) => {
          await done(answer)
          return answer.status === 201 ? null : uploadOf(answer)
        },
      )
      if (unwanted === null) return true
      // The upload that the registry began instead would expire; not every registry can delete it.
      await connection.call({ method: 'DELETE', url: unwanted, scopes: push, once: true, also: anything, signal }, done)
      return false
    },
    // From the beginning each time: it is unknown how much of a broken upload has arrived.
    write: ({ digest, size, open }, signal, tries = connection.tries) =>
      retry(
        async () => {
          const upload = await connection.call(
            { method: 'POST', url: `${name}/blobs/uploads/`, scopes: push, once: true, signal },
            async (answer) => {
              await done(answer)
              return uploadOf(answer)
            },
          )
          upload.searchParams.set('digest', digest)
          const body = { size, open }
          const type = 'application/octet-stream'
          await connection.call(
            { method: 'PUT', url: upload, scopes: push, type, body, once: true, transfer: true, signal },
            done,
          )
        },
        signal,
        tries,
      ),
    putManifest: (tag, mediaType, bytes, signal) =>
      connection.call(
        {
          method: 'PUT',
          url: `${name}/manifests/${tag}`,
          scopes: push,
          type: mediaType,
          body: blobOf(bytes),
          // While another client sends the same blob, docker's registry rewrites its link, and for that moment rejects
          // manifests with that blob.
          passing: ['DIGEST_INVALID'],
          signal,
        },
        async (answer) => {
          await done(answer)
          return hashOf('sha256', bytes)
        },
      ),
    removeManifest: (digest, signal) =>
      connection.call(
        {
          method: 'DELETE',
          url: `${name}/manifests/${digest}`,
          scopes: [`repository:${name}:pull,push,delete`],
          also: [404, 405],
          signal,
        },
        async (answer) => {
          await done(answer)
          return answer.status < 300
        },
      ),
    tags: (page, signal) =>
      connection.call(
        { method: 'GET', url: page ?? `${name}/tags/list?n=500`, scopes: pull, also: [404], signal },
        async (answer) => {
          const bytes = await readBody(answer.message, manifestLimit, 'the list of tags')
          if (answer.status === 404) return { tags: [], next: null }
          const { tags } = readDocument(TagList, bytes, 'the list of tags')
          return { tags: tags ?? [], next: nextPage(answer.message.headers.link, answer.url) }
        },
      ),
  }
}
