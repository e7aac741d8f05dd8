// Does a name that a stranger wrote down hold nothing when nobody answers for it?
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { addressesOf, fromServers } from './host.ts'

let server: Socket
let at: string

beforeEach(async () => {
  server = createSocket('udp4').bind(0, '127.0.0.1')
  await once(server, 'listening')
  at = `127.0.0.1:${server.address().port}`
})
afterEach(() => void server.close())

const open = new AbortController().signal

/** The answer to a question: `addresses`, all of IPv4, to one about A; nothing to one about AAAA. */
function answer(question: Buffer, addresses: readonly string[]): Buffer {
  const isFour = question.readUInt16BE(question.indexOf(0, 12) + 1) === 1
  const records = isFour ? addresses : []
  const head = Buffer.from(question.subarray(0, question.indexOf(0, 12) + 5))
  head.writeUInt16BE(0x81_80, 2)
  head.writeUInt16BE(records.length, 6)
  head.writeUInt32BE(0, 8)
  const record = (address: string): Buffer =>
    Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split('.').map(Number)])
  return Buffer.concat([head, ...records.map(record)])
}

const serve = (addresses: readonly string[]): void =>
  void server.on('message', (question, { port, address }) => server.send(answer(question, addresses), port, address))

test('its addresses are those that the name servers have', async () => {
  serve(['140.82.121.3', '140.82.121.4'])
  const resolve = fromServers(undefined, [at])
  expect(await addressesOf('git.example.com', false, open, resolve)).toEqual(['140.82.121.3', '140.82.121.4'])
})

test('one that is inside is refused', async () => {
  serve(['140.82.121.3', '10.0.0.1'])
  await expect(addressesOf('git.example.com', false, open, fromServers(undefined, [at]))).rejects.toThrow(
    'git.example.com is at 10.0.0.1, which is not an address on the public internet',
  )
})

test('without an answer it is given up in time', async () => {
  const resolve = fromServers({ timeout: 20, tries: 1 }, [at])
  await expect(addressesOf('git.example.com', false, open, resolve)).rejects.toThrow(
    'the host name "git.example.com" could not be resolved (ETIMEOUT)',
  )
})

test('a push that ends takes its question back', async () => {
  const push = new AbortController()
  const resolve = fromServers(undefined, [at])
  const resolved = resolve('git.example.com', push.signal)
  await once(server, 'message')
  push.abort(new Error('the push ended'))
  await expect(resolved).rejects.toMatchObject({ code: 'ECANCELLED' })
})
