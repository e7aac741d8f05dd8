// Where do tests store backups by S3? In a stand-in that keeps objects in memory and checks every signature (version 4).
import { createHash, createHmac } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { buffer } from 'node:stream/consumers'
import type { AddressInfo } from 'node:net'

export type StandIn = {
  readonly url: string
  readonly objects: Map<string, Buffer>
  /** Parts of uploads that were neither finished nor ended. */
  readonly uploads: Map<string, { readonly key: string; readonly parts: Map<number, Buffer>; readonly at: Date }>
  /** Method and query of each request that was answered. */
  readonly seen: string[]
  /** Answers the next requests that match with this status. */
  fail(matches: RegExp, status: number, times: number): void
  close(): Promise<void>
}

export const credentials = { accessKeyId: 'AKIDTEST', secretAccessKey: 'a secret of the stand-in' }

const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex')
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)

/** As the documentation of AWS describes it; null: it is right. */
function signatureFault(request: IncomingMessage, url: URL, body: Buffer): string | null {
  const pattern =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/
  const [, id, day = '', region = '', signed = '', signature] = pattern.exec(request.headers.authorization ?? '') ?? []
  if (id !== credentials.accessKeyId) return 'InvalidAccessKeyId'
  const content = String(request.headers['x-amz-content-sha256'])
  if (content !== 'UNSIGNED-PAYLOAD' && content !== sha256(body)) return 'XAmzContentSHA256Mismatch'
  const query = [...url.searchParams]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .toSorted()
    .join('&')
  const headers = signed.split(';').map((name) => `${name}:${String(request.headers[name]).trim()}\n`)
  const canonical = [request.method, url.pathname, query, headers.join(''), signed, content].join('\n')
  const scope = `${day}/${region}/s3/aws4_request`
  const text = ['AWS4-HMAC-SHA256', request.headers['x-amz-date'], scope, sha256(canonical)].join('\n')
  const key = ['aws4_request', 's3', region, day].reduceRight<Buffer | string>(
    (key, part) => hmac(key, part),
    `AWS4${credentials.secretAccessKey}`,
  )
  return hmac(key, text).toString('hex') === signature ? null : 'SignatureDoesNotMatch'
}

const xml = (text: string): string => `<?xml version="1.0" encoding="UTF-8"?>${text}`

export async function startStandIn({ pageSize = 1000 } = {}): Promise<StandIn> {
  const objects = new Map<string, Buffer>()
  const uploads: StandIn['uploads'] = new Map()
  const seen: string[] = []
  let failing: { matches: RegExp; status: number; times: number } | null = null
  type Reply = { status: number; body?: string | Buffer; headers?: Record<string, string> }
  const error = (status: number, code: string): Reply => ({
    status,
    body: xml(`<Error><Code>${code}</Code><Message>the stand-in says ${code}</Message></Error>`),
  })
  const list = (query: URLSearchParams): Reply => {
    const after = query.get('continuation-token') ?? ''
    const prefix = query.get('prefix') ?? ''
    const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).toSorted()
    const page = keys.slice(0, pageSize)
    const contents = page.map((key) => `<Contents><Key>${key}</Key><Size>${objects.get(key)?.length}</Size></Contents>`)
    const more = keys.length > page.length
    const next = more ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : ''
    return {
      status: 200,
      body: xml(`<ListBucketResult><IsTruncated>${more}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`),
    }
  }
  const bucket = (query: URLSearchParams): Reply => {
    if (!query.has('uploads')) return list(query)
    const found = [...uploads].map(
      ([id, { key, at }]) =>
        `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${at.toISOString()}</Initiated></Upload>`,
    )
    return { status: 200, body: xml(`<ListMultipartUploadsResult>${found.join('')}</ListMultipartUploadsResult>`) }
  }
  const multipart = (method: string, key: string, id: string, query: URLSearchParams, body: Buffer): Reply => {
    const upload = uploads.get(id)
    if (!upload) return error(404, 'NoSuchUpload')
    if (method === 'PUT') {
      upload.parts.set(Number(query.get('partNumber')), body)
      return { status: 200, headers: { etag: `"${sha256(body).slice(0, 32)}"` } }
    }
    uploads.delete(id)
    if (method === 'DELETE') return { status: 204 }
    const parts = [...upload.parts].toSorted(([a], [b]) => a - b)
    objects.set(key, Buffer.concat(parts.map(([, part]) => part)))
    return { status: 200, body: xml('<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>') }
  }
  const answer = (method: string, url: URL, body: Buffer): Reply => {
    const [, name, ...rest] = url.pathname.split('/')
    if (name !== 'backups') return error(404, 'NoSuchBucket')
    const key = decodeURIComponent(rest.join('/'))
    const query = url.searchParams
    if (key === '') return bucket(query)
    const id = query.get('uploadId')
    if (id !== null) return multipart(method, key, id, query, body)
    if (method === 'POST') {
      const fresh = `upload-${uploads.size + seen.length}`
      uploads.set(fresh, { key, parts: new Map(), at: new Date() })
      return {
        status: 200,
        body: xml(`<InitiateMultipartUploadResult><UploadId>${fresh}</UploadId></InitiateMultipartUploadResult>`),
      }
    }
    if (method === 'PUT') {
      objects.set(key, body)
      return { status: 200, headers: { etag: '"e"' } }
    }
    if (method === 'DELETE') {
      objects.delete(key)
      return { status: 204 }
    }
    const found = objects.get(key)
    return found ? { status: 200, body: found } : error(404, 'NoSuchKey')
  }
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      const url = new URL(request.url ?? '', 'http://store')
      const what = `${request.method} ${url.pathname}${url.search}`
      let reply: Reply
      const fault = signatureFault(request, url, body)
      if (fault !== null) reply = error(403, fault)
      else if (failing && failing.times > 0 && failing.matches.test(what)) {
        failing.times--
        reply = error(failing.status, 'InternalError')
      } else {
        reply = answer(request.method ?? '', url, body)
        seen.push(what)
      }
      response.writeHead(reply.status, { 'content-type': 'application/xml', ...reply.headers })
      response.end(reply.body)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    uploads,
    seen,
    fail: (matches, status, times) => (failing = { matches, status, times }),
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
