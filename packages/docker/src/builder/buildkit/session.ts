// How does BuildKit in the engine ask for the credentials of a registry while it builds? Over a connection that we open and it
// makes its calls on: gRPC, of which it needs two services (moby.filesync.v1.Auth, grpc.health.v1.Health). We offer nothing else:
// no files of this machine, no secrets, no keys.
import { randomUUID } from 'node:crypto'
import { constants, createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { duplexPair } from 'node:stream'
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { Credentials } from '@deis/ports/registry'
import { canonicalHost } from '@deis/registry/reference'
import type { Client } from '../../engine/client.ts'

export type Session = { readonly id: string; close(): void }

type ByHost = Readonly<Record<string, Credentials>>

const health = '/grpc.health.v1.Health/Check'
const credentials = '/moby.filesync.v1.Auth/Credentials'
/** A call names one host. */
const maxCall = 16 * 1024
const unimplemented = '12'
const invalid = '3'
/** Before a message: whether it is compressed, and its length. */
const head = 5

/** The host of a CredentialsRequest. @throws for what is not one */
function hostIn(message: Buffer): string {
  const reader = new BinaryReader(message)
  let host = ''
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    if (field === 1) host = reader.string()
    else reader.skip(type)
  }
  return host
}

/** A CredentialsResponse; without any, it pulls as anybody may. */
function credentialsFor(host: string, all: ByHost): Uint8Array {
  const name = canonicalHost(host)
  const found = Object.hasOwn(all, name) ? all[name] : undefined
  const writer = new BinaryWriter()
  if (found) {
    writer.tag(1, WireType.LengthDelimited).string(found.username)
    writer.tag(2, WireType.LengthDelimited).string(found.password)
  }
  return writer.finish()
}

function answerTo(path: string, call: Buffer, all: ByHost): Uint8Array | string {
  // SERVING; without it the engine takes the connection for broken.
  if (path === health) return new BinaryWriter().tag(1, WireType.Varint).int32(1).finish()
  if (path !== credentials) return unimplemented
  try {
    return credentialsFor(hostIn(call.subarray(head)), all)
  } catch {
    return invalid
  }
}

function serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders & { ':path'?: string }, all: ByHost): void {
  const chunks: Buffer[] = []
  let size = 0
  stream.on('error', () => {})
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size > maxCall) stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM)
    else chunks.push(chunk)
  })
  stream.on('end', () => {
    if (stream.destroyed || stream.closed) return
    const answer = answerTo(headers[':path'] ?? '', Buffer.concat(chunks), all)
    const isRefused = typeof answer === 'string'
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': isRefused ? answer : '0' }))
    if (isRefused) return void stream.end()
    const begin = Buffer.alloc(head)
    begin.writeUInt32BE(answer.length, 1)
    stream.end(Buffer.concat([begin, answer]))
  })
}

/** Open until it is closed, or the signal is aborted. @throws EngineError where the engine has no sessions */
export async function openSession(engine: Pick<Client, 'hijack'>, all: ByHost, signal: AbortSignal): Promise<Session> {
  const id = randomUUID().replaceAll('-', '')
  const socket = await engine.hijack(
    'opening a session of BuildKit',
    {
      method: 'POST',
      path: '/session',
      headers: {
        upgrade: 'h2c',
        'x-docker-expose-session-uuid': id,
        'x-docker-expose-session-name': 'deis',
        'x-docker-expose-session-sharedkey': id,
        'x-docker-expose-session-grpc-method': [health, credentials],
      },
    },
    signal,
  )
  const server = createServer()
  server.on('stream', (stream, headers) => serve(stream, headers, all))
  // The build says what it lacks.
  server.on('sessionError', () => {})
  // Not the socket itself: what came with the answer's head is in its buffer, where HTTP/2 does not look.
  const [near, far] = duplexPair()
  socket.pipe(near).pipe(socket)
  near.on('error', () => {})
  far.on('error', () => {})
  const close = (): void => {
    socket.destroy()
    near.destroy()
    far.destroy()
  }
  socket.once('close', close)
  server.emit('connection', far)
  return { id, close }
}
