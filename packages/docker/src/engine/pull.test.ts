// Is the pull of an image that makes no progress, or takes too long, given up with the reason?
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Client, createClient } from './client.ts'
import { pullImage } from './pull.ts'

const progress = (): string => `${JSON.stringify({ status: 'Downloading', id: 'a1', progressDetail: {} })}\n`

let folder: string
let answers: RequestListener
let client: Client
const server = createServer((request, response) => answers(request, response))
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deis-pull-'))
  await once(server.listen(join(folder, 'socket')), 'listening')
  client = createClient({ host: `unix://${join(folder, 'socket')}`, certPath: null })
})
afterEach(async () => {
  client.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await rm(folder, { recursive: true })
})

const pull = (pullMs: number, silentMs: number, signal = new AbortController().signal): Promise<void> =>
  pullImage({ stream: client.stream, pullMs }, 'registry.test/tea:1', null, signal, silentMs)

test('without progress it is given up, and it can be tried again', async () => {
  answers = (_, response) => void response.write(progress())
  await expect(pull(60_000, 1000)).rejects.toMatchObject({
    name: 'PullFailure',
    message: 'the image registry.test/tea:1 could not be pulled: nothing more came of it for 1 seconds',
    hint: expect.stringContaining('Try again') as string,
  })
})

test('with progress it goes on for longer than that, until all of its time is over', async () => {
  answers = (_, response) => {
    const timer = setInterval(() => void response.write(progress()), 20)
    response.once('close', () => clearInterval(timer))
  }
  const began = Date.now()
  await expect(pull(1500, 1000)).rejects.toMatchObject({
    name: 'PullFailure',
    message: expect.stringContaining('it took longer than 2 seconds') as string,
    hint: expect.stringContaining('DEIS_DOCKER_PULL_TIMEOUT') as string,
  })
  expect(Date.now() - began).toBeGreaterThanOrEqual(1490)
})

test('a registry that cannot be reached for a moment is asked again', async () => {
  let asked = 0
  answers = (_, response) => {
    const error = 'Get "http://127.0.0.1:5211/v2/": dial tcp 127.0.0.1:5211: connect: connection refused'
    if (++asked === 1) response.end(`${JSON.stringify({ errorDetail: { message: error }, error })}\n`)
    else response.end(progress())
  }
  await pull(60_000, 60_000)
  expect(asked).toBe(2)
})

test('it ends with its signal, and well when it is there', async () => {
  const cancel = new AbortController()
  answers = (_, response) => {
    response.write(progress())
    cancel.abort(new Error('enough'))
  }
  await expect(pull(60_000, 60_000, cancel.signal)).rejects.toThrow('enough')
  answers = (_, response) => void response.end(progress())
  await pull(60_000, 60_000)
})
