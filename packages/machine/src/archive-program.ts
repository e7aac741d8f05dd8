// How does the controller start the archive program, ahead of time where it can, and exchange orders and replies with it?
import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import {
  ArchiveFailure,
  type ArchiveFault,
  type ArchiveOrder,
  type ArchiveReply,
  BadArchive,
  BadFolder,
  mostBytes,
  type Opening,
  TarFault,
} from './archive/order.ts'

export type Program = {
  readonly input: Writable
  readonly output: Readable
  /** What it replies; orders are executed one after the other. */
  ask(order: ArchiveOrder): Promise<unknown>
  /** No order follows: it ends when it has executed those it has. */
  finish(): void
  /** Ends it at once. What it has not replied to fails with this error. */
  fail(error: Error): void
  readonly closed: Promise<void>
}

export type Programs = {
  open(opening: Opening, signal?: AbortSignal): Program
  /** So many are soon needed: they start now, and wait for a while. */
  expect(count: number): void
}

const idleMs = 30_000
const maxErrorText = 2000
// A file's start in base64, with what is around it.
const longestReply = mostBytes * 1.4 + 1_000_000

type Pipes = readonly [Writable, Readable, Readable, Socket, Readable]

const pipesOf = (child: ChildProcess): Pipes => child.stdio as unknown as Pipes

/** Whether its process keeps the controller running. */
function hold(child: ChildProcess, wanted: boolean): void {
  for (const one of [child, ...(child.stdio as unknown as readonly Socket[])]) {
    if (wanted) one.ref()
    else one.unref()
  }
}

function failureOf({ kind, message, code }: ArchiveFault): Error {
  if (kind === 'archive') return new BadArchive(message)
  if (kind === 'folder') return new BadFolder(message)
  if (kind === 'tar') return new TarFault(message)
  if (kind === 'path') return new ArchiveFailure(message)
  return Object.assign(new Error(message), code === undefined ? {} : { code })
}

/** Passes each complete line on. @throws when one is too long */
function byLine(each: (line: string) => void): (chunk: Buffer) => void {
  let waiting: Buffer[] = []
  let size = 0
  return (chunk) => {
    let from = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      each(Buffer.concat([...waiting, chunk.subarray(from, end)]).toString('utf8'))
      waiting = []
      size = 0
      from = end + 1
    }
    waiting.push(chunk.subarray(from))
    size += chunk.length - from
    if (size > longestReply) throw new ArchiveFailure('the archive program returned more than was asked for')
  }
}

type Waiting = { readonly resolve: (reply: unknown) => void; readonly reject: (error: Error) => void }

function programOf(child: ChildProcess, opening: Opening, signal: AbortSignal | undefined): Program {
  const [input, output, errors, orders, replies] = pipesOf(child)
  const waiting: Waiting[] = []
  let over: Error | null = null
  let errorText = ''
  const fail = (error: Error): void => {
    over ??= error
    child.kill('SIGKILL')
    for (const { reject } of waiting.splice(0)) reject(over)
  }
  const cancel = (): void => fail(signal?.reason as Error)
  if (signal?.aborted) cancel()
  else signal?.addEventListener('abort', cancel, { once: true })
  const closed = new Promise<void>((resolve) => {
    const end = (error: Error): void => {
      signal?.removeEventListener('abort', cancel)
      fail(error)
      resolve()
    }
    child.once('error', end)
    child.once('close', (code, name) => {
      const lastLine = errorText.trim().split('\n').at(-1) ?? ''
      const how = name ?? `exit code ${code}`
      end(new ArchiveFailure(`the archive program ended without a result (${how}) ${lastLine}`.trim()))
    })
  })
  errors.on('data', (chunk: Buffer) => {
    if (errorText.length < maxErrorText) errorText += chunk.toString('utf8')
  })
  const take = byLine((line) => {
    const reply = JSON.parse(line) as ArchiveReply
    const asked = waiting.shift()
    if ('ok' in reply) asked?.resolve(reply.ok)
    else asked?.reject(failureOf(reply.failure))
  })
  replies.on('data', (chunk: Buffer) => {
    try {
      take(chunk)
    } catch (error) {
      fail(error as Error)
    }
  })
  // The end of the program says more.
  for (const pipe of [input, output, orders, replies]) pipe.on('error', () => {})
  const send = (value: Opening | ArchiveOrder): void => void orders.write(`${JSON.stringify(value)}\n`)
  send(opening)
  return {
    input,
    output,
    closed,
    fail,
    finish: () => void orders.end(),
    ask: (order) =>
      new Promise((resolve, reject) => {
        if (over) throw over
        waiting.push({ resolve, reject })
        send(order)
      }),
  }
}

/** `vector`: the argument vector that runs archive/main.ts. */
export function openPrograms([command = '', ...args]: readonly string[]): Programs {
  const idle = new Set<ChildProcess>()
  const start = (): ChildProcess =>
    spawn(command, args, { cwd: '/', env: {}, stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'] })
  const wait = (child: ChildProcess): void => {
    hold(child, false)
    idle.add(child)
    const leave = (): void => {
      clearTimeout(timer)
      idle.delete(child)
    }
    const timer = setTimeout(() => {
      if (idle.has(child)) child.kill('SIGKILL')
      leave()
    }, idleMs)
    timer.unref()
    child.once('error', leave).once('exit', leave)
  }
  const take = (): ChildProcess | null => {
    for (const child of idle) {
      idle.delete(child)
      hold(child, true)
      return child
    }
    return null
  }
  return {
    open: (opening, signal) => programOf(take() ?? start(), opening, signal),
    expect(count) {
      while (idle.size < count) wait(start())
    },
  }
}
