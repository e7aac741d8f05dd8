// How is the whole command line run in a test, against a controller with given replies?
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { onTestFinished } from 'vitest'
import type { Io, Prompt, Tty } from './terminal/io.ts'
import { run } from './run.ts'

export type Reply = {
  readonly status?: number
  readonly json?: unknown
  readonly text?: string
  readonly headers?: Readonly<Record<string, string>>
}
/** `GET /v2/apps/?limit=100` → the reply. Any other request gets a bare 418, so that it is noticed. */
export type Replies = Readonly<Record<string, Reply>>

export type Controller = {
  readonly url: string
  /** `METHOD path body`, in the order of arrival. */
  readonly requests: string[]
  readonly headers: IncomingHttpHeaders[]
}

export async function startController(replies: Replies): Promise<Controller> {
  const requests: string[] = []
  const headers: IncomingHttpHeaders[] = []
  const server = createServer((request, response) => {
    text(request)
      .then((body) => {
        const asked = `${request.method} ${request.url}`
        requests.push(body === '' ? asked : `${asked} ${body}`)
        headers.push(request.headers)
        const reply = replies[asked] ?? { status: 418 }
        const content = reply.json === undefined ? reply.text : JSON.stringify(reply.json)
        response.writeHead(reply.status ?? 200, { DEIS_API_VERSION: '2.3', ...reply.headers })
        response.end(content)
      })
      // The client gave up while it sent.
      .catch(() => {})
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, headers }
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'deis-cli-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A home with a profile of `bob` at the controller; `profile` overrides it. */
export function homeOf(controller: { url: string }, profile: Record<string, unknown> = {}): string {
  const home = temporaryFolder()
  mkdirSync(join(home, '.deis'), { mode: 0o700 })
  const content = {
    username: 'bob',
    ssl_verify: true,
    controller: controller.url,
    token: 'secret-token',
    response_limit: 0,
  }
  writeFileSync(join(home, '.deis', 'client.json'), JSON.stringify({ ...content, ...profile }))
  return home
}

/** A repository with remotes by name. */
export function repository(remotes: Readonly<Record<string, string>> = {}): string {
  const folder = temporaryFolder()
  execFileSync('git', ['init', '-q', '--template='], { cwd: folder })
  for (const [name, url] of Object.entries(remotes)) execFileSync('git', ['remote', 'add', name, url], { cwd: folder })
  return folder
}

export function remotesOf(folder: string): string {
  return execFileSync('git', ['remote', '-v'], { cwd: folder, encoding: 'utf8' })
}

export type World = {
  readonly home?: string
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** The content of stdin, typed if there is a `tty`; absent: stdin is /dev/null. */
  readonly stdin?: string | Readable
  /** Makes stdin a terminal. */
  readonly tty?: Tty
  /** Gets the handler of Ctrl-C while the program handles it itself. */
  readonly interrupts?: (press: () => void) => void
  /** Answers to prompts, in order; null: Ctrl-C. Makes stdin a terminal. */
  readonly answers?: readonly (string | boolean | null)[]
  readonly stdoutIsTty?: boolean
  readonly stderrIsTty?: boolean
  readonly stdoutIsDevice?: boolean
  /** The times of the clock, one per call. */
  readonly clock?: readonly number[]
}

export type Outcome = {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  /** The prompts. */
  readonly asked: string[]
}

function collector(): { stream: Writable; content: () => string } {
  const chunks: Buffer[] = []
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk)
      done()
    },
  })
  return { stream, content: () => Buffer.concat(chunks).toString() }
}

export async function deis(argv: readonly string[], world: World = {}): Promise<Outcome> {
  const out = collector()
  const err = collector()
  const asked: string[] = []
  const answers = [...(world.answers ?? [])]
  const clock = [...(world.clock ?? [])]
  const answer = async <T>(message: string): Promise<T> => {
    asked.push(message)
    if (answers.length === 0) throw new Error(`no answer for the prompt ${message}`)
    const given = answers.shift()
    if (given === null) throw Object.assign(new Error('User force closed the prompt'), { name: 'ExitPromptError' })
    return given as T
  }
  const prompt: Prompt = {
    text: answer,
    secret: answer,
    confirm: answer,
    choose: (message, choices) => answer(`${message} ${choices.join(' | ')}`),
  }
  const io: Io = {
    stdin:
      world.stdin instanceof Readable ? world.stdin : Readable.from(world.stdin === undefined ? [] : [world.stdin]),
    stdout: out.stream,
    stderr: err.stream,
    env: { PATH: process.env['PATH'], HOME: world.home ?? temporaryFolder(), ...world.env },
    cwd: world.cwd ?? temporaryFolder(),
    platform: 'linux',
    now: () => clock.shift() ?? 0,
    bytes: { stdout: out.stream, stderr: err.stream },
    passRaw: () => {},
    isTty: {
      stdin: world.answers !== undefined || world.tty !== undefined,
      stdout: world.stdoutIsTty ?? false,
      stderr: world.stderrIsTty ?? false,
    },
    isCharacterDevice: (stream) => (stream === 'stdin' ? world.stdin === undefined : (world.stdoutIsDevice ?? false)),
    prompt,
    tty: world.tty ?? null,
    takeInterrupts: (listener) => {
      world.interrupts?.(listener)
      return () => world.interrupts?.(() => {})
    },
    signal: new AbortController().signal,
  }
  const code = await run(argv, io)
  return { code, stdout: out.content(), stderr: err.content(), asked }
}
