// How does a command get a terminal?
import { type ChildProcess, spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { pipeline } from 'node:stream/promises'
import { arrange, exitOf } from '@deis/machine/confine'
import { foregroundOf, identify, sessionMembers, signalGroup } from '@deis/machine/pid'
import type { Exit } from '@deis/ports/exit'
import { type SessionIo, SessionRefused } from '@deis/ports/scheduler'
import type { Attached } from './attached.ts'
import { checkEnv, type CommandOptions, orderOf } from './launch.ts'
import type { FromHost, ToHost } from '../programs/terminal-host.ts'
import hostProgram from '../programs/terminal-host.ts?program'

const beginMs = 30_000
const hint = 'The command can still run without a terminal.'

function libraryFile(): string {
  try {
    return createRequire(import.meta.url).resolve('@lydell/node-pty/requireBinary.js')
  } catch {
    throw new SessionRefused(`this platform was installed without its terminal library. ${hint}`)
  }
}

/** `begun` resolves when the command runs, `ended` with how it ended. Both reject with what went wrong. */
function listen(host: ChildProcess): { readonly begun: Promise<void>; readonly ended: Promise<Exit> } {
  const listener: { begun?: () => void; ended?: (exit: Exit) => void; fail: ((error: Error) => void)[] } = { fail: [] }
  const begun = new Promise<void>((resolve, reject) => {
    listener.begun = resolve
    listener.fail.push(reject)
  })
  const ended = new Promise<Exit>((resolve, reject) => {
    listener.ended = resolve
    listener.fail.push(reject)
  })
  ended.catch(() => {})
  const fail = (error: Error): void => listener.fail.forEach((one) => one(error))
  const timer = setTimeout(() => fail(new Error(`no terminal was open within ${beginMs / 1000} s`)), beginMs)
  host.on('message', (message: FromHost) => {
    clearTimeout(timer)
    if ('begun' in message) listener.begun?.()
    else if ('exit' in message) listener.ended?.(message.exit)
    else if ('refused' in message) fail(new SessionRefused(`no terminal could be opened: ${message.refused}. ${hint}`))
    else fail(new Error(message.failed))
  })
  host.once('error', fail)
  host.once('exit', () => {
    clearTimeout(timer)
    fail(new Error('the terminal was lost'))
  })
  return { begun, ended }
}

async function deliver(host: ChildProcess, io: SessionIo): Promise<void> {
  for await (const chunk of host.stdout ?? []) await io.output('stdout', chunk as Buffer)
}

export type TerminalOptions = {
  readonly terminal: NonNullable<SessionIo['terminal']>
  /** Variables that identify its pod. */
  readonly mark: Readonly<Record<string, string>>
  /** Further processes that belong to it, besides the terminal's session. */
  readonly members: () => Promise<readonly number[]>
  /** The file of the library that opens terminals. */
  readonly library?: string
}

export async function attachTerminal(
  options: CommandOptions,
  { terminal, mark, members, library = libraryFile() }: TerminalOptions,
  io: SessionIo,
): Promise<Attached> {
  checkEnv(options.env)
  // None of the app's environment, since node reads some variables.
  const host = spawn(process.execPath, ['-e', hostProgram], {
    cwd: '/',
    env: { ...mark },
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore', 'ipc'],
  })
  const { begun, ended: exited } = listen(host)
  const send = (message: ToHost): void => {
    if (host.connected) host.send(message, () => {})
  }
  const { columns, rows, name } = terminal
  const env = { ...options.env, TERM: name }
  const arranged = arrange(options.isolation, { ...orderOf({ ...options, env }), session: false })
  const { runAs } = options
  send({ begin: { library, ...arranged, runAs, columns, rows } })
  try {
    await begun
  } catch (error) {
    host.kill('SIGKILL')
    throw error
  }
  const leader = host.pid as number
  const identity = (await identify(leader)) ?? { pid: leader, started: 'ended already' }
  host.stdin?.on('error', () => {})
  // A command need not read all of it, or any.
  if (io.input && host.stdin) pipeline(io.input, host.stdin).catch(() => {})
  else host.stdin?.end()
  const delivered = deliver(host, io)
  delivered.catch(() => {})
  const ended = exited.then(({ code, signal }) => exitOf(arranged, code, signal))
  ended.catch(() => {})
  let over = false
  const close = (): void => void (over = true)
  ended.then(close, close)
  return {
    process: { identity, started: new Date(), exited: ended.catch(() => ({ code: null, signal: null })) },
    // Output that cannot be delivered ends the session.
    ended: Promise.race([ended, delivered.then(() => ended)]),
    async processes() {
      const session = (await sessionMembers(leader)).filter((pid) => pid !== leader)
      return [...new Set([...session, ...(await members())])]
    },
    async drain() {
      send('finish')
      await delivered
    },
    resize: (size) => send({ size: [size.columns, size.rows] }),
    async kill(signal) {
      const group = over ? null : await foregroundOf(leader)
      if (group !== null && !over) signalGroup(group, `SIG${signal}`)
    },
    release: () => void host.kill('SIGKILL'),
  }
}
