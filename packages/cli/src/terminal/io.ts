// What does the command line touch of the world: streams, environment, terminal, clock?
import { fstatSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import type { TerminalSize } from '@deis/types'
import type { Terminal } from './prompt.ts'

/** Questions to a person; only asked when one sits at stdin. */
export type Prompt = {
  text(message: string): Promise<string>
  secret(message: string): Promise<string>
  confirm(message: string): Promise<boolean>
  choose(message: string, choices: readonly string[]): Promise<string>
}

/** The terminal that a person sits at. */
export type Tty = {
  /** Unknown on terminals that do not tell. */
  size(): TerminalSize | null
  /** Calls back with each change of the size; the returned function ends that. */
  onResize(listener: () => void): () => void
  /** Every key arrives as it is, Ctrl-C too, and nothing is echoed; the returned function puts that back. */
  raw(): () => void
}

/** The only door to the terminal and the process; tests pass their own. */
export type Io = {
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  /** The same streams for what must reach a terminal as it is, by the commands' own will. */
  readonly bytes: { readonly stdout: Writable; readonly stderr: Writable }
  /** From now on `stdout` and `stderr` let everything through (`--raw`). */
  readonly passRaw: () => void
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly platform: NodeJS.Platform
  /** Milliseconds. */
  readonly now: () => number
  /** Does a person see or type this stream? */
  readonly isTty: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean }
  /** Not the same as a terminal: /dev/null is one too (docs/contract/cli.md §9 note 10). */
  readonly isCharacterDevice: (stream: 'stdin' | 'stdout') => boolean
  readonly prompt: Prompt
  /** Null when stdin is no terminal. */
  readonly tty: Tty | null
  /** Each Ctrl-C calls back instead of ending the program, until the returned function is called. */
  readonly takeInterrupts: (listener: () => void) => () => void
  /** Aborted with the name of the signal that ended the program. */
  readonly signal: AbortSignal
}

function isCharacterDevice(fd: number): boolean {
  try {
    return fstatSync(fd).isCharacterDevice()
  } catch {
    // A closed descriptor is no device.
    return false
  }
}

/** The size is asked of a stream that is written to. */
function sizedStream(): NodeJS.WriteStream | null {
  if (process.stdout.isTTY) return process.stdout
  return process.stderr.isTTY ? process.stderr : null
}

const processTty: Tty = {
  size() {
    const { columns = 0, rows = 0 } = sizedStream() ?? {}
    return columns > 0 && rows > 0 ? { columns, rows } : null
  },
  onResize(listener) {
    const stream = sizedStream()
    stream?.on('resize', listener)
    return () => void stream?.off('resize', listener)
  },
  // When the program ends without this, Node puts the terminal back itself.
  raw() {
    process.stdin.setRawMode(true)
    return () => void process.stdin.setRawMode(false)
  },
}

function takeInterrupts(listener: () => void): () => void {
  const others = process.rawListeners('SIGINT') as (() => void)[]
  // Never without any listener: a signal on its way would be lost, or end the program.
  process.on('SIGINT', listener)
  for (const other of others) process.off('SIGINT', other)
  return () => {
    for (const other of others) process.on('SIGINT', other)
    process.off('SIGINT', listener)
  }
}

/** The real world. */
export function processIo(signal: AbortSignal): Io {
  // A question in a file or a pipe would be seen by nobody, and spoil what is read there.
  const terminal = (): Terminal => ({ signal, output: process.stdout.isTTY ? process.stdout : process.stderr })
  return {
    // Node opens a stream when it is first looked at, which takes time: not all of them are needed.
    get stdin() {
      return process.stdin
    },
    get stdout() {
      return process.stdout
    },
    get stderr() {
      return process.stderr
    },
    env: process.env,
    // The folder may be gone.
    get cwd() {
      return process.cwd()
    },
    platform: process.platform,
    now: Date.now,
    isTty: {
      get stdin() {
        return process.stdin.isTTY
      },
      get stdout() {
        return process.stdout.isTTY
      },
      get stderr() {
        return process.stderr.isTTY
      },
    },
    bytes: {
      get stdout() {
        return process.stdout
      },
      get stderr() {
        return process.stderr
      },
    },
    passRaw: () => {},
    get tty() {
      return process.stdin.isTTY ? processTty : null
    },
    takeInterrupts,
    isCharacterDevice: (stream) => isCharacterDevice(stream === 'stdin' ? 0 : 1),
    // Loaded with the first question: inquirer is large and most commands ask nothing.
    prompt: {
      text: async (message) => (await import('./prompt.ts')).askText(message, terminal()),
      secret: async (message) => (await import('./prompt.ts')).askSecret(message, terminal()),
      confirm: async (message) => (await import('./prompt.ts')).askConfirm(message, terminal()),
      choose: async (message, choices) => (await import('./prompt.ts')).askChoice(message, choices, terminal()),
    },
    signal,
  }
}
