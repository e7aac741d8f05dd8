// Does BuildKit get the credentials of the registry that it asks for, and nothing else, over the connection that we open?
import { connect, type ClientHttp2Session, constants } from 'node:http2'
import { type Duplex, duplexPair } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { afterEach, expect, test } from 'vitest'
import type { Call } from '../../engine/client.ts'
import { openSession } from './session.ts'

const all = {
  'docker.io': { username: 'ann', password: 'hub' },
  'registry.example.com:5000': { username: 'bob', password: 'p"w\n' },
}
const closing: (() => void)[] = []
afterEach(() => closing.splice(0).forEach((close) => close()))

async function opened() {
  const [ours, theirs] = duplexPair()
  const calls: Call[] = []
  const engine = {
    hijack: async (_: string, call: Call): Promise<Duplex> => {
      calls.push(call)
      return ours
    },
  }
  const session = await openSession(engine, all, new AbortController().signal)
  const client = connect('http://session', { createConnection: () => theirs })
  client.on('error', () => {})
  closing.push(() => {
    client.destroy()
    session.close()
  })
  return { client, session, calls, ours }
}

/** A call of gRPC; the body and the status. */
async function ask(client: ClientHttp2Session, path: string, body: Uint8Array): Promise<[Buffer, string]> {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(body.length, 1)
  const stream = client.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' })
  let status = ''
  stream.on('trailers', (trailers) => (status = String(trailers['grpc-status'])))
  stream.end(Buffer.concat([head, body]))
  const answer = await buffer(stream)
  return [answer.subarray(5), status]
}

const host = (name: string): Uint8Array => new BinaryWriter().tag(1, WireType.LengthDelimited).string(name).finish()
const credentials = '/moby.filesync.v1.Auth/Credentials'

test.each([
  ['registry-1.docker.io', ['ann', 'hub']],
  ['registry.example.com:5000', ['bob', 'p"w\n']],
  ['registry.example.com', []],
  ['', []],
  ['constructor', []],
])('of %s: %j', async (name, expected) => {
  const { client } = await opened()
  const [answer, status] = await ask(client, credentials, host(name))
  expect(status).toBe('0')
  const reader = new BinaryReader(answer)
  const words: string[] = []
  while (reader.pos < reader.len) {
    reader.tag()
    words.push(reader.string())
  }
  expect(words).toEqual(expected)
})

test('it is told that the connection lives, and that there is nothing else', async () => {
  const { client, calls, session } = await opened()
  expect(await ask(client, '/grpc.health.v1.Health/Check', new Uint8Array())).toEqual([Buffer.from([8, 1]), '0'])
  for (const path of ['/moby.filesync.v1.FileSync/DiffCopy', '/moby.buildkit.secrets.v1.Secrets/GetSecret', '/'])
    expect(await ask(client, path, host('x'))).toEqual([Buffer.alloc(0), '12'])
  expect(await ask(client, credentials, Buffer.from([0x0a, 0xff]))).toEqual([Buffer.alloc(0), '3'])
  expect(calls[0]?.headers?.['x-docker-expose-session-uuid']).toBe(session.id)
})

test('a call that does not end is cut off', async () => {
  const { client } = await opened()
  const stream = client.request({ ':method': 'POST', ':path': credentials })
  const refused = new Promise((resolve) => stream.once('close', resolve))
  stream.on('error', () => {}).resume()
  stream.write(Buffer.alloc(100_000))
  await refused
  expect(stream.rstCode).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM)
})

test('when it is closed, the connection ends', async () => {
  const { session, ours, client } = await opened()
  await ask(client, credentials, host('x'))
  expect(ours.destroyed).toBe(false)
  session.close()
  expect(ours.destroyed).toBe(true)
})
