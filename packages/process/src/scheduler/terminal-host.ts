// What does the small program do that holds one terminal, apart from the controller?
//
// A process of its own for each terminal: the library leaves its side of a terminal open for every process that is started
// later, which could then read and write along, and writing to a terminal that nobody reads would hold up everybody else.
import type Child from 'node:child_process'
import type Fs from 'node:fs'
import type Net from 'node:net'
import type Tty from 'node:tty'
import type { Exit } from '@deis/ports/exit'

export type HostOrder = {
  /** The file of the library that opens terminals. */
  readonly library: string
  readonly file: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Whom the command is started as; null: it becomes somebody else by itself. */
  readonly spawnAs: { readonly uid: number; readonly gid: number } | null
  /** Its error output is descriptor 4, see machine/src/confine.ts. */
  readonly apart: boolean
  /** Whose terminal it is. */
  readonly runAs: { readonly uid: number; readonly gid: number } | null
  readonly columns: number
  readonly rows: number
}

/** `finish`: nobody writes to the terminal any more. */
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

/**
 * Its text is run by `node -e`, so it must not use anything from outside. Input comes by its stdin, output goes to its
 * stdout, messages by the channel to the controller; without that it ends, and the terminal hangs up. It leads the
 * terminal's session, and so outlives the command: the system throws away what a terminal still holds when its leader ends.
 */
export function terminalHost(load: NodeJS.Require): void {
  const fs = load('node:fs') as typeof Fs
  const { Socket } = load('node:net') as typeof Net
  const { ReadStream } = load('node:tty') as typeof Tty
  const { spawn, spawnSync } = load('node:child_process') as typeof Child
  const endOfInput = 4
  // oxlint-disable-next-line unicorn/no-process-exit -- it is a program, and nothing in it is to go on
  const leave = (): void => process.exit()
  const tell = (message: FromHost): void => void process.send?.(message)
  const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

  const openTerminal = ({ library, runAs, columns, rows }: HostOrder) => {
    const native = (load(library) as Library).requireBinary('pty.node')
    const { master, slave, pty } = native.open(columns, rows)
    fs.closeSync(slave)
    // The first terminal that the leader of a session opens becomes that of the session.
    const side = fs.openSync(pty, fs.constants.O_RDWR)
    if (runAs) fs.fchownSync(side, runAs.uid, runAs.gid)
    // Without the program a character of several bytes takes as many backspaces; nothing worse.
    spawnSync('stty', ['iutf8'], { stdio: [side, 'ignore', 'ignore'], env: { PATH: '/usr/bin:/bin' } })
    return { master, side, resize: (size: readonly [number, number]) => native.resize(master, ...size) }
  }

  /** Bytes that are taken now; the terminal takes none while it is full. */
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
    // In a line that has begun, the first one only ends the line.
    await all(Buffer.from(last === 10 || last === 13 ? [endOfInput] : [endOfInput, endOfInput]))
  }

  const begin = (order: HostOrder): void => {
    let opened: ReturnType<typeof openTerminal>
    try {
      opened = openTerminal(order)
    } catch (error) {
      return tell({ refused: messageOf(error) })
    }
    const { master, side, resize } = opened
    // At the number of the master its own side of the terminal: the command must not get the other one.
    const nowhere = fs.openSync('/dev/null', 'r+')
    const sides = new Set(order.apart ? [0, 1, 4, master] : [0, 1, 2, master])
    const stdio = Array.from({ length: Math.max(master + 1, 5) }, (_, index) =>
      sides.has(index) ? side : index < 5 ? nowhere : 'ignore',
    )
    const child = spawn(order.file, order.args, { cwd: '/', env: { ...order.env }, stdio, ...order.spawnAs })
    child.once('error', (error) => tell({ failed: messageOf(error) }))
    child.once('spawn', () => tell({ begun: true }))
    child.once('exit', (code, signal) => tell({ exit: { code, signal } }))

    const out = new Socket({ fd: 1, readable: false, writable: true })
    out.on('error', leave)
    const screen = new ReadStream(master)
    screen.on('error', () => {})
    const goOn = (): void => void screen.resume()
    screen.on('data', (chunk) => {
      if (out.write(chunk)) return
      screen.pause()
      out.once('drain', goOn)
    })
    const finish = (): void => {
      out.off('drain', goOn)
      screen.pause()
      // What the stream has read ahead goes the usual way; the rest is still with the system.
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
    // The command has ended, or will soon; nothing waits for what it did not read.
    type(master).catch(() => {})
  }

  process.title = 'deis terminal'
  // It belongs to the same group as the command: what is meant for that must not end the terminal.
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'] as const) process.on(signal, () => {})
  process.once('disconnect', leave)
  process.once('message', (message: ToHost) => {
    if (typeof message === 'object' && 'begin' in message) begin(message.begin)
  })
}
