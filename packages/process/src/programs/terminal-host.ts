// What does the small program do that holds one terminal outside the controller?
//
// Each terminal has its own process: the library leaves its side of a terminal open in every process that is started later,
// which could then read from it and write to it; and writing to a terminal that is not read would block everything else.
//
// Input is its stdin, output its stdout, and messages use the channel to the controller; when that closes it ends, and the
// terminal hangs up. It leads the terminal's session, and so outlives the command: the system discards what a terminal still
// contains when its leader ends.
import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import { Socket } from 'node:net'
import { ReadStream } from 'node:tty'
import type { Exit } from '@deis/ports/exit'

export type HostOrder = {
  /** The file of the library that opens terminals. */
  readonly library: string
  readonly file: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** The user to start the command as; null: it switches users by itself. */
  readonly spawnAs: { readonly uid: number; readonly gid: number } | null
  /** Its error output is descriptor 4, see machine/src/confine.ts. */
  readonly apart: boolean
  /** The user who owns the terminal. */
  readonly runAs: { readonly uid: number; readonly gid: number } | null
  readonly columns: number
  readonly rows: number
}

/** `finish`: there are no more writers to the terminal. */
export type ToHost = { readonly begin: HostOrder } | { readonly size: readonly [number, number] } | 'finish'

export type FromHost =
  | { readonly begun: true }
  | { readonly refused: string }
  | { readonly failed: string }
  | { readonly exit: Exit }

type Library = {
  requireBinary(name: 'pty.node'): {
    open(columns: number, rows: number): { readonly master: number; readonly slave: number; readonly pty: string }
    resize(master: number, columns: number, rows: number): void
  }
}

const endOfInput = 4
const leave = (): void => process.exit()
const send = (message: FromHost): void => void process.send?.(message)
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const openTerminal = ({ library, runAs, columns, rows }: HostOrder) => {
  const native = (createRequire(library)(library) as Library).requireBinary('pty.node')
  const { master, slave, pty } = native.open(columns, rows)
  fs.closeSync(slave)
  // The first terminal that the leader of a session opens becomes that of the session.
  const side = fs.openSync(pty, fs.constants.O_RDWR)
  if (runAs) fs.fchownSync(side, runAs.uid, runAs.gid)
  // Without stty a character of several bytes only takes several backspaces.
  spawnSync('stty', ['iutf8'], { stdio: [side, 'ignore', 'ignore'], env: { PATH: '/usr/bin:/bin' } })
  return { master, side, resize: (size: readonly [number, number]) => native.resize(master, ...size) }
}

/** Resolves with the number of bytes written; none while the terminal is full. */
const put = (master: number, chunk: Buffer): Promise<number> =>
  new Promise((resolve, reject) => {
    fs.write(master, chunk, 0, chunk.length, null, (error, written) => {
      if (error?.code === 'EAGAIN') setTimeout(resolve, 5, 0)
      else if (error) reject(error)
      else resolve(written)
    })
  })
const type = async (master: number): Promise<void> => {
  let last = 10
  const all = async (chunk: Buffer): Promise<void> => {
    for (let from = 0; from < chunk.length;) from += await put(master, chunk.subarray(from))
  }
  for await (const chunk of new Socket({ fd: 0, readable: true, writable: false })) {
    last = (chunk as Buffer).at(-1) ?? last
    await all(chunk as Buffer)
  }
  // After an incomplete line, the first one only ends that line.
  await all(Buffer.from(last === 10 || last === 13 ? [endOfInput] : [endOfInput, endOfInput]))
}

const begin = (order: HostOrder): void => {
  let opened: ReturnType<typeof openTerminal>
  try {
    opened = openTerminal(order)
  } catch (error) {
    return send({ refused: messageOf(error) })
  }
  const { master, side, resize } = opened
  // The command's side replaces the master's descriptor, which the command must not inherit.
  const nowhere = fs.openSync('/dev/null', 'r+')
  const sides = new Set(order.apart ? [0, 1, 4, master] : [0, 1, 2, master])
  const stdio = Array.from({ length: Math.max(master + 1, 5) }, (_, index) =>
    sides.has(index) ? side : index < 5 ? nowhere : 'ignore',
  )
  const child = spawn(order.file, order.args, { cwd: '/', env: { ...order.env }, stdio, ...order.spawnAs })
  child.once('error', (error) => send({ failed: messageOf(error) }))
  child.once('spawn', () => send({ begun: true }))
  child.once('exit', (code, signal) => send({ exit: { code, signal } }))

  const out = new Socket({ fd: 1, readable: false, writable: true })
  out.on('error', leave)
  const screen = new ReadStream(master)
  screen.on('error', () => {})
  const resume = (): void => void screen.resume()
  screen.on('data', (chunk) => {
    if (out.write(chunk)) return
    screen.pause()
    out.once('drain', resume)
  })
  const finish = (): void => {
    out.off('drain', resume)
    screen.pause()
    // What the stream has already read is written as usual; the rest is still in the kernel.
    while (screen.read() !== null);
    const buffer = Buffer.alloc(65_536)
    for (;;) {
      try {
        const size = fs.readSync(master, buffer)
        if (size === 0) break
        out.write(Buffer.from(buffer.subarray(0, size)))
      } catch {
        // Nothing is left.
        break
      }
    }
    out.end(leave)
  }
  process.on('message', (message: ToHost) => {
    if (message === 'finish') finish()
    else if ('size' in message) resize(message.size)
  })
  // The command has ended or will soon; input that it did not read is dropped.
  type(master).catch(() => {})
}

process.title = 'deis terminal'
// It is in the same group as the command: signals meant for the command must not end the terminal.
for (const signal of ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'] as const) process.on(signal, () => {})
process.once('disconnect', leave)
process.once('message', (message: ToHost) => {
  if (typeof message === 'object' && 'begin' in message) begin(message.begin)
})
