// Is what arrived on a connection left alone as long as it is in use?
import { expect, test } from 'vitest'
import { startRawApp } from '../testing.ts'
import { usualTiming } from '../timing.ts'
import { parseAddress } from './addresses.ts'
import { type Connection, openConnection } from './connection.ts'

const size = 9_000

/** Answers each request with a letter of its own. */
const responses: Readonly<Record<string, (letter: string) => string>> = {
  'a response of known length': (letter) => `Content-Length: ${size}\r\n\r\n${letter.repeat(size)}`,
  'chunks that end in the same read': (letter) =>
    `Transfer-Encoding: chunked\r\n\r\n${size.toString(16)}\r\n${letter.repeat(size)}\r\n0\r\n\r\n`,
}

test.each(Object.keys(responses))('%s stays as it is while the connection serves the next request', async (kind) => {
  let count = 0
  const app = await startRawApp((socket) =>
    socket.on('data', () => socket.write(`HTTP/1.1 200 OK\r\n${responses[kind]!('abc'[count++]!)}`)),
  )
  const chunks: Buffer[] = []
  let ended = (): void => undefined
  let reused = 0
  const owner = {
    settled: (_: Connection, reusable: boolean) => void (reused += reusable ? 1 : 0),
    lost: () => undefined,
  }
  const connection = openConnection({ ...parseAddress(app.address)!, tunnel: false, timing: usualTiming }, owner)
  const answer = {
    interim: () => undefined,
    head: () => undefined,
    body(chunk: Buffer | null, last: boolean) {
      if (chunk !== null) chunks.push(chunk)
      if (last) ended()
      // Its client has not taken it.
      return chunk === null
    },
    failed: () => undefined,
  }
  for (let one = 0; one < 3; one++) {
    const end = new Promise<void>((resolve) => (ended = resolve))
    connection.ask('GET', 'GET / HTTP/1.1\r\n\r\n', true, answer)
    await end
  }
  expect(reused).toBe(3)
  expect(chunks.map(String)).toEqual(['a', 'b', 'c'].map((letter) => letter.repeat(size)))
  connection.socket.destroy()
  await app.close()
})
