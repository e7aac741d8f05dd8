// Is all output passed on once and complete, also over broken connections, and where does it end?
import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createKube } from '../client/client.ts'
import { type FakeApi, openFakeApi, refuse } from '../client/testing.ts'
import { limited } from '@deis/ports/limited'
import { followOutput } from './container-output.ts'

let api: FakeApi
let got = ''
let isEnded = false
let finish = (): void => {}
beforeEach(async () => {
  api = await openFakeApi()
  got = ''
  isEnded = false
})
afterEach(async () => {
  await api.close()
})

function start(signal = new AbortController().signal): Promise<void> {
  const end = new Promise<void>((resolve) => {
    finish = () => {
      isEnded = true
      resolve()
    }
  })
  const { bytes, end: flush } = limited((chunk) => void (got += chunk))
  const kube = createKube(api.transport)
  return followOutput({ kube, path: '/log', container: 'run', ended: () => isEnded, end, signal }, bytes).then(flush)
}
const follows = (): number => api.seen.filter(({ query }) => query.get('follow') === 'true').length

test('bytes passed on before a connection broke are not passed on again', async () => {
  let written = 'one\nt'
  const streams: ServerResponse[] = []
  api.answer(({ query }, response) => {
    response.writeHead(200).write(written)
    if (query.get('follow') === 'true') streams.push(response)
    else response.end()
  })
  const done = start()
  await expect.poll(() => got).toBe('one\nt')
  streams[0]?.destroy()
  written += 'wo\nthr'
  await expect.poll(() => got, { timeout: 5_000 }).toBe('one\ntwo\nthr')
  streams[1]?.write('ee\n')
  await expect.poll(() => got).toBe('one\ntwo\nthree\n')
  // The stream ends before its last bytes have come: the log has them.
  written = 'one\ntwo\nthree\nfour'
  finish()
  streams[1]?.end()
  await done
  expect(got).toBe('one\ntwo\nthree\nfour')
  expect(follows()).toBe(2)
})

test('a stream that ends early is opened again', async () => {
  api.answer((_, response) => void response.end('one'))
  const done = start()
  await expect.poll(follows, { timeout: 5_000 }).toBeGreaterThanOrEqual(2)
  finish()
  await done
  expect(got).toBe('one')
})

test('a character in two chunks, and one that stays incomplete', async () => {
  const bytes = Buffer.from('ä€')
  api.answer((_, response) => {
    response.writeHead(200).write(bytes.subarray(0, 1), () => {
      setImmediate(() => response.end(bytes.subarray(1, 4)))
    })
  })
  const done = start()
  finish()
  await done
  expect(got).toBe('ä\ufffd')
})

test('output beyond the limit is left out, with a notice', async () => {
  api.answer((_, response) => {
    const chunk = Buffer.alloc(1024 * 1024, 'x')
    response.writeHead(200)
    for (let index = 0; index < 12; index++) response.write(chunk)
    response.end()
  })
  const done = start()
  finish()
  await done
  expect(got.length).toBe(10 * 1024 * 1024 + '\nOutput is longer than 10485760 bytes: the rest is left out.\n'.length)
  expect(got.endsWith('x\nOutput is longer than 10485760 bytes: the rest is left out.\n')).toBe(true)
})

test('an end that cannot be read is reported', async () => {
  api.answer((_, response) => refuse(response, 404, 'NotFound', 'pods "p" not found'))
  const done = start()
  await done
  expect(got).toBe('\nThe end of the output could not be read: pods "p" not found\n')
})

test('a cancelled one ends', async () => {
  const cancel = new AbortController()
  api.answer((_, response) => void response.writeHead(200).write('one'))
  const done = start(cancel.signal)
  await expect.poll(() => got).toBe('one')
  cancel.abort(new Error('enough'))
  await done
  expect(got).toBe('one')
})
