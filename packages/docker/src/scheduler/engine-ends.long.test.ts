// Does the end of a container count against its app when the engine has ended with it? At a stand-in for the engine, which ends when told.
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Formation, Scheduler } from '@deis/ports/scheduler'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createDockerScheduler } from './create.ts'
import { openTestbed, type Testbed } from './testbed.ts'

type Made = { readonly id: string; running: boolean; code: number; readonly waiting: ServerResponse[] }

/** As much of an engine as a container needs to start, run and end. */
async function startStandIn(socket: string) {
  const containers: Made[] = []
  const sockets = new Set<Socket>()
  let isAway = false
  const end = (code: number): void => {
    const made = containers.at(-1)!
    Object.assign(made, { running: false, code })
    for (const response of made.waiting.splice(0)) response.end(JSON.stringify({ StatusCode: code }))
  }
  const stateOf = ({ id, running, code }: Made) => ({
    Id: id,
    State: {
      Status: running ? 'running' : 'exited',
      Running: running,
      ExitCode: code,
      OOMKilled: false,
      StartedAt: new Date(0).toISOString(),
    },
    Config: {},
    NetworkSettings: {},
  })
  const answers = ({ method, url = '' }: IncomingMessage, response: ServerResponse): void => {
    const path = url.replace(/^\/v[\d.]+/, '').replace(/\?.*/, '')
    const [, id, what] = /^\/containers\/([0-9a-f]{12})\/?(.*)/.exec(path) ?? []
    const made = containers.find((one) => one.id === id)
    const send = (body: unknown): void => void response.end(JSON.stringify(body))
    if (path === '/version') return send({ Version: '20.10.24', ApiVersion: '1.41' })
    if (path.startsWith('/images/')) return send({ Id: 'sha256:0' })
    if (method === 'GET' && (path === '/networks' || path === '/containers/json')) return send([])
    if (path === '/containers/create') {
      const next = { id: String(containers.length).padStart(12, '0'), running: false, code: 0, waiting: [] }
      containers.push(next)
      return send({ Id: next.id })
    }
    if (made && what === 'start') made.running = true
    if (made && what === 'json') return send(stateOf(made))
    if (made?.running && (what === 'wait' || what === 'logs')) {
      response.flushHeaders()
      return void made.waiting.push(response)
    }
    if (made && what === 'wait') return send({ StatusCode: made.code })
    send({})
  }
  const server = createServer(answers)
  server.on('connection', (one) => {
    if (isAway) return one.destroy()
    sockets.add(one)
    one.on('close', () => sockets.delete(one))
  })
  await once(server.listen(socket), 'listening')
  const leave = (): void => {
    isAway = true
    for (const one of sockets) one.destroy()
  }
  return {
    end,
    leave,
    /** What ran is found dead by the next one. */
    kill() {
      leave()
      Object.assign(containers.at(-1)!, { running: false, code: 255, waiting: [] })
    },
    back: () => {
      isAway = false
    },
    close: () => {
      leave()
      server.close()
    },
  }
}

let folder: string
let engine: Awaited<ReturnType<typeof startStandIn>>
let testbed: Testbed
let scheduler: Scheduler
const texts: string[] = []
let notify = (): void => {}

const app = 'shop'
const formation: Formation = {
  app,
  release: 1,
  summary: '',
  artifact: { kind: 'image', reference: 'sha256:0', launcher: 'none' },
  processes: { worker: { command: 'sleep 600', replicas: 1, graceSeconds: 1 } },
  routable: null,
  port: null,
  env: {},
  tags: {},
  registry: {},
  deployTimeoutSeconds: 60,
  batches: 0,
  historyLimit: null,
  pullPolicy: 'IfNotPresent',
}

/** Resolves when the app's log has so many lines with this text. */
async function logged(text: string, times = 1): Promise<void> {
  while (texts.filter((one) => one.includes(text)).length < times)
    await new Promise<void>((resolve) => (notify = resolve))
}
async function isUp(): Promise<void> {
  for (;;) {
    const [pod] = await scheduler.observe(app)
    if (pod?.state === 'up') return
    await new Promise<void>((resolve) => {
      const off = scheduler.onChange(() => {
        off()
        resolve()
      })
    })
  }
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deis-stand-in-'))
  engine = await startStandIn(join(folder, 'socket'))
  testbed = await openTestbed('ee', `unix://${join(folder, 'socket')}`)
  scheduler = await createDockerScheduler(await testbed.options())
  await scheduler.apply(formation, new AbortController().signal, () => {})
  texts.splice(0)
  await scheduler.follow(
    app,
    { lines: 0 },
    ({ text }) => {
      texts.push(text)
      notify()
    },
    new AbortController().signal,
  )
})
afterEach(async () => {
  await scheduler.close({ stop: false })
  engine.close()
  await rm(testbed.folder, { recursive: true })
  await rm(folder, { recursive: true })
})

test('an engine that was killed has taken the container along: that is not a crash of the app', async () => {
  engine.kill()
  engine.back()
  await logged('process ended with the Docker Engine, restarting when the engine answers')
  await isUp()
  engine.end(3)
  await logged('process exited with code 3, restarting in 1s')
  await isUp()
  engine.end(3)
  await logged('process exited with code 3, restarting in 2s')
})

test('an engine that ends in order ends the container first: the app is started again when an engine answers', async () => {
  engine.end(143)
  await logged('process exited with code 143, restarting in 1s')
  engine.leave()
  await logged('restarting', 2)
  engine.back()
  await isUp()
  engine.end(3)
  await logged('process exited with code 3')
  expect(texts.filter((text) => text.startsWith('process'))).toEqual([
    'process exited with code 143, restarting in 1s',
    expect.stringMatching(/^process could not be started: .*, restarting when the engine answers$/) as string,
    'process exited with code 3, restarting in 1s',
  ])
})
