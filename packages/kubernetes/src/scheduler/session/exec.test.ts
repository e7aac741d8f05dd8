// Does a command in a running pod have its input to the end, and does it end when we leave, on servers of 1.30 and later?
// The cluster of our tests is older: this one speaks their protocol, and runs what it is asked to on this machine.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { createKube, type Kube } from '../../client/client.ts'
import { channels } from '../../client/socket.ts'
import { type FakeApi, json, openFakeApi, refuse } from '../../client/testing.ts'
import { sessionMembers } from '@deis/machine/pid'
import { NoSuchPod, type Session, type SessionIo, SessionRefused } from '@deis/ports/scheduler'
import { execInPod } from './exec.ts'

const target = { app: 'tea', pod: 'tea-web-123-x2x4z' }
const v4 = 'v4.channel.k8s.io'
const v5 = 'v5.channel.k8s.io'

let api: FakeApi
let kube: Kube
let protocol = v5
let pod: Record<string, unknown> | null
let warnings: string[]
let commands: string[][]
const children = new Set<ChildProcessWithoutNullStreams>()

function status(code: number | null): string {
  if (code === 0) return JSON.stringify({ status: 'Success' })
  const causes = [{ reason: 'ExitCode', message: String(code ?? 137) }]
  return JSON.stringify({ status: 'Failure', reason: 'NonZeroExitCode', message: 'it failed', details: { causes } })
}

/** Like a kubelet: a client that leaves ends the input, and nothing else. */
function execute(socket: WebSocket, command: string[]): void {
  commands.push(command)
  const [file = '', ...rest] = command
  const child = spawn(file, rest, { detached: true })
  children.add(child)
  const say = (channel: number, chunk: Buffer | string): void =>
    socket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(chunk as Buffer)]))
  child.stdin.on('error', () => {})
  child.stdout.on('data', (chunk: Buffer) => say(channels.stdout, chunk))
  child.stderr.on('data', (chunk: Buffer) => say(channels.stderr, chunk))
  child.on('close', (code) => {
    children.delete(child)
    say(channels.status, status(code))
    socket.close(1000)
  })
  socket.on('message', (data: Buffer) => {
    if (data[0] === channels.input) child.stdin.write(data.subarray(1))
    else if (data[0] === channels.close && data[1] === channels.input) child.stdin.end()
  })
  socket.on('close', () => child.stdin.end())
}

beforeEach(async () => {
  api = await openFakeApi()
  kube = createKube(api.transport)
  protocol = v5
  warnings = []
  commands = []
  pod = {
    metadata: { name: target.pod, namespace: 'tea', uid: 'u1', labels: { app: 'tea', type: 'web', heritage: 'deis' } },
    spec: { containers: [{ name: 'tea-web', command: ['/bin/bash', '-c'] }] },
    status: { phase: 'Running', containerStatuses: [{ name: 'tea-web', ready: true, state: { running: {} } }] },
  }
  api.answer((_, response) => (pod ? json(response, 200, pod) : refuse(response, 404, 'NotFound', 'no such pod')))
  const server = new WebSocketServer({ noServer: true, handleProtocols: () => protocol })
  api.upgrade((request, socket, head) => {
    const url = new URL(request.url ?? '', 'http://api')
    server.handleUpgrade(request, socket, head, (one) => execute(one, url.searchParams.getAll('command')))
  })
})
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL')
  children.clear()
  await api.close()
})

type Options = { input?: PassThrough | null; signal?: AbortSignal }
async function exec(command: string, { input = null, signal = new AbortController().signal }: Options = {}) {
  const said = { stdout: '', stderr: '' }
  const digest = createHash('sha256')
  const io: SessionIo = {
    terminal: null,
    input,
    signal,
    async output(from, chunk) {
      said[from] += chunk.toString('latin1')
      if (from === 'stdout') digest.update(chunk)
    },
  }
  const log = (_: string, message: string): void => void warnings.push(message)
  const session = await new Promise<Session>((resolve, reject) => {
    const exited = execInPod({ kube, log }, { ...target, command }, io, (begun) => resolve({ ...begun, exited }))
    exited.catch(reject)
  })
  return { ...session, said, digest }
}

test('its input comes whole, and ends', async () => {
  const input = new PassThrough()
  const bytes = randomBytes(1024 * 1024)
  const { exited, said, digest } = await exec('cat; echo bad >&2; exit 3', { input })
  input.end(bytes)
  expect(await exited).toBe(3)
  expect(digest.digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'))
  expect(said.stderr).toBe('bad\n')
  expect(warnings).toEqual([])
})

test('input that had ended before is an end, and none is one, too', async () => {
  const input = new PassThrough()
  input.end()
  input.resume()
  const ended = await exec('cat; echo end', { input })
  expect([await ended.exited, ended.said.stdout]).toEqual([0, 'end\n'])
  protocol = v4
  const none = await exec('cat; echo end')
  expect([await none.exited, none.said.stdout]).toEqual([0, 'end\n'])
})

test('a server that cannot be told of the end is not asked to begin', async () => {
  protocol = v4
  await expect(exec('echo begun', { input: new PassThrough() })).rejects.toThrow(SessionRefused)
  expect(commands).toHaveLength(1)
  expect(warnings).toEqual([])
})

test.each([
  { title: 'leaves', end: (leave: AbortController) => leave.abort(new Error('enough')), why: 'enough' },
  { title: 'is cut off', end: () => api.cut(), why: 'was lost' },
])(
  'whoever $title leaves nothing running',
  async ({ end, why }) => {
    const leave = new AbortController()
    // The last one has nothing of the session in its environment, and nothing of its output.
    const command = "trap '' HUP TERM; sleep 600 & echo $$; env -i sleep 600 >/dev/null 2>&1 & wait"
    const { exited, said } = await exec(command, { signal: leave.signal })
    const outcome = expect(exited).rejects.toThrow(why)
    await expect.poll(() => said.stdout).toMatch(/^\d+\n$/)
    const session = Number(said.stdout)
    await expect.poll(() => sessionMembers(session)).toHaveLength(3)
    end(leave)
    await outcome
    expect(await sessionMembers(session)).toEqual([])
    expect(warnings).toEqual([])
  },
  30_000,
)

test('a signal reaches it', async () => {
  const { exited, kill, said } = await exec('trap "echo caught; exit 7" INT; echo ready; while :; do sleep 0.1; done')
  await expect.poll(() => said.stdout).toBe('ready\n')
  await kill('INT')
  expect(await exited).toBe(7)
  expect(said.stdout).toBe('ready\ncaught\n')
  await kill('TERM')
})

test.each([
  { title: 'is not there', change: () => (pod = null), message: 'has no pod' },
  {
    title: "is somebody else's",
    change: () => Object.assign(pod?.metadata as object, { labels: { app: 'coffee', heritage: 'deis' } }),
    message: 'has no pod',
  },
  {
    title: 'is not ready',
    change: () => Object.assign(pod?.status as object, { phase: 'Pending', containerStatuses: [] }),
    message: 'is initializing, not up',
  },
])('a pod that $title is no place', async ({ change, message }) => {
  change()
  const refused = exec('echo begun')
  await expect(refused).rejects.toThrow(NoSuchPod)
  await expect(refused).rejects.toThrow(message)
  expect(commands).toEqual([])
})

test('a pod that goes away takes it along', async () => {
  const { exited, said } = await exec('echo ready; sleep 600')
  await expect.poll(() => said.stdout).toBe('ready\n')
  pod = null
  for (const child of children) process.kill(-(child.pid ?? 0), 'SIGKILL')
  await expect(exited).rejects.toThrow('went away')
})

test('a platform without the right to it is told so', async () => {
  api.upgrade((_, socket) => {
    const body = JSON.stringify({ kind: 'Status', reason: 'Forbidden', message: 'pods "x" is forbidden' })
    socket.end(`HTTP/1.1 403 Forbidden\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
  })
  const refused = exec('echo begun')
  await expect(refused).rejects.toThrow(SessionRefused)
  await expect(refused).rejects.toThrow('pods "x" is forbidden')
})

test('an image without a shell is told so', async () => {
  api.upgrade((request, socket, head) => {
    new WebSocketServer({ noServer: true, handleProtocols: () => protocol }).handleUpgrade(
      request,
      socket,
      head,
      (one) => {
        const message = 'failed to exec: "sh": executable file not found in $PATH: unknown'
        one.send(Buffer.concat([Buffer.from([3]), Buffer.from(JSON.stringify({ status: 'Failure', message }))]))
        one.close(1000)
      },
    )
  })
  const refused = exec('echo begun')
  await expect(refused).rejects.toThrow(SessionRefused)
  await expect(refused).rejects.toThrow('neither bash nor sh')
})
