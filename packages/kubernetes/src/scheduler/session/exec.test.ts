// On servers of 1.30 and later: does a command in a running pod get all of its input, and does it end with its session?
// The test cluster is older, so a fake server speaks their protocol and runs the commands on this machine.
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

/** Like a kubelet: a client that disconnects ends the input, and nothing else. */
function execute(socket: WebSocket, command: string[]): void {
  commands.push(command)
  const [file = '', ...rest] = command
  const child = spawn(file, rest, { detached: true })
  children.add(child)
  const send = (channel: number, chunk: Buffer | string): void =>
    socket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(chunk as Buffer)]))
  child.stdin.on('error', () => {})
  child.stdout.on('data', (chunk: Buffer) => send(channels.stdout, chunk))
  child.stderr.on('data', (chunk: Buffer) => send(channels.stderr, chunk))
  child.on('close', (code) => {
    children.delete(child)
    send(channels.status, status(code))
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
  const printed = { stdout: '', stderr: '' }
  const digest = createHash('sha256')
  const io: SessionIo = {
    terminal: null,
    input,
    signal,
    async output(from, chunk) {
      printed[from] += chunk.toString('latin1')
      if (from === 'stdout') digest.update(chunk)
    },
  }
  const log = (_: string, message: string): void => void warnings.push(message)
  const session = await new Promise<Session>((resolve, reject) => {
    const exited = execInPod({ kube, log }, { ...target, command }, io, (begun) => resolve({ ...begun, exited }))
    exited.catch(reject)
  })
  return { ...session, printed, digest }
}

test('it gets all of its input, and the end of it', async () => {
  const input = new PassThrough()
  const bytes = randomBytes(1024 * 1024)
  const { exited, printed, digest } = await exec('cat; echo bad >&2; exit 3', { input })
  input.end(bytes)
  expect(await exited).toBe(3)
  expect(digest.digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'))
  expect(printed.stderr).toBe('bad\n')
  expect(warnings).toEqual([])
})

test('input that has already ended, or is null, is empty', async () => {
  const input = new PassThrough()
  input.end()
  input.resume()
  const ended = await exec('cat; echo end', { input })
  expect([await ended.exited, ended.printed.stdout]).toEqual([0, 'end\n'])
  protocol = v4
  const none = await exec('cat; echo end')
  expect([await none.exited, none.printed.stdout]).toEqual([0, 'end\n'])
})

test('no command begins on a server whose protocol cannot end the input', async () => {
  protocol = v4
  await expect(exec('echo begun', { input: new PassThrough() })).rejects.toThrow(SessionRefused)
  expect(commands).toHaveLength(1)
  expect(warnings).toEqual([])
})

test.each([
  { title: 'is cancelled', end: (cancel: AbortController) => cancel.abort(new Error('enough')), why: 'enough' },
  { title: 'loses its connection', end: () => api.cut(), why: 'was lost' },
])(
  'a session that $title leaves nothing running',
  async ({ end, why }) => {
    const cancel = new AbortController()
    // The last process has neither the session's environment nor its output.
    const command = "trap '' HUP TERM; sleep 600 & echo $$; env -i sleep 600 >/dev/null 2>&1 & wait"
    const { exited, printed } = await exec(command, { signal: cancel.signal })
    const outcome = expect(exited).rejects.toThrow(why)
    await expect.poll(() => printed.stdout).toMatch(/^\d+\n$/)
    const session = Number(printed.stdout)
    await expect.poll(() => sessionMembers(session)).toHaveLength(3)
    end(cancel)
    await outcome
    expect(await sessionMembers(session)).toEqual([])
    expect(warnings).toEqual([])
  },
  30_000,
)

test('a signal reaches it', async () => {
  const { exited, kill, printed } = await exec(
    'trap "echo caught; exit 7" INT; echo ready; while :; do sleep 0.1; done',
  )
  await expect.poll(() => printed.stdout).toBe('ready\n')
  await kill('INT')
  expect(await exited).toBe(7)
  expect(printed.stdout).toBe('ready\ncaught\n')
  await kill('TERM')
})

test.each([
  { title: 'is not there', change: () => (pod = null), message: 'has no pod' },
  {
    title: "is another app's",
    change: () => Object.assign(pod?.metadata as object, { labels: { app: 'coffee', heritage: 'deis' } }),
    message: 'has no pod',
  },
  {
    title: 'is not ready',
    change: () => Object.assign(pod?.status as object, { phase: 'Pending', containerStatuses: [] }),
    message: 'is initializing, not up',
  },
])('a pod that $title is refused', async ({ change, message }) => {
  change()
  const refused = exec('echo begun')
  await expect(refused).rejects.toThrow(NoSuchPod)
  await expect(refused).rejects.toThrow(message)
  expect(commands).toEqual([])
})

test('a command fails when its pod goes away', async () => {
  const { exited, printed } = await exec('echo ready; sleep 600')
  await expect.poll(() => printed.stdout).toBe('ready\n')
  pod = null
  for (const child of children) process.kill(-(child.pid ?? 0), 'SIGKILL')
  await expect(exited).rejects.toThrow('went away')
})

test('a platform without the right to exec says so', async () => {
  api.upgrade((_, socket) => {
    const body = JSON.stringify({ kind: 'Status', reason: 'Forbidden', message: 'pods "x" is forbidden' })
    socket.end(`HTTP/1.1 403 Forbidden\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
  })
  const refused = exec('echo begun')
  await expect(refused).rejects.toThrow(SessionRefused)
  await expect(refused).rejects.toThrow('pods "x" is forbidden')
})

test('an image without a shell is refused with the reason', async () => {
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
