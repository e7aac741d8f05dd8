// Which parts of its process does the command line use: streams, environment, terminal, clock?
import { fstatSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import type { TerminalSize } from '@deis/types'
import type { Terminal } from './prompt.ts'

/** Prompts; used only when stdin is a terminal. */
export type Prompt = {
  text(message: string): Promise<string>
  secret(message: string): Promise<string>
  confirm(message: string): Promise<boolean>
  choose(message: string, choices: readonly string[]): Promise<string>
}

/** The user's terminal. */
export type Tty = {
  /** Null if the terminal does not report it. */
  size(): TerminalSize | null
  /** Calls `listener` at each change of the size; the returned function removes it. */
  onResize(listener: () => void): () => void
  /** Raw mode: all keys arrive unchanged, Ctrl-C too, without echo; the returned function restores the mode. */
  raw(): () => void
}

/** All access to the terminal and the process; tests pass their own. */
export type Io = {
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  /** The same streams unfiltered, for output that must reach the terminal unchanged. */
  readonly bytes: { readonly stdout: Writable; readonly stderr: Writable }
  /** Turns the filters of `stdout` and `stderr` off (`--raw`). */
  readonly passRaw: () => void
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly platform: NodeJS.Platform
  /** Milliseconds. */
  readonly now: () => number
  /** Whether a stream is a terminal. */
  readonly isTty: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean }
  /** Not the same as a terminal: /dev/null is a character device too (docs/contract/cli.md §9 note 10). */
  readonly isCharacterDevice: (stream: 'stdin' | 'stdout') => boolean
  readonly prompt: Prompt
  /** Null if stdin is not a terminal. */
  readonly tty: Tty | null
  /** Ctrl-C calls `listener` instead of ending the program, until the returned function is called. */
  readonly takeInterrupts: (listener: () => void) => () => void
  /** Aborted with the name of the signal that ended the program. */
  readonly signal: AbortSignal
}

function isCharacterDevice(fd: number): boolean {
  try {
    return fstatSync(fd).isCharacterDevice()
  } catch {
    // A closed descriptor is not a device.
    return false
  }
}

/** Only an output stream knows the size. */
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
  // When the program ends without this, Node restores the mode itself.
  raw() {
    process.stdin.setRawMode(true)
    return () => void process.stdin.setRawMode(false)
  },
}

function takeInterrupts(listener: () => void): () => void {
  const others = process.rawListeners('SIGINT') as (() => void)[]
  // There is always a listener: otherwise a signal would be lost, or end the program.
  process.on('SIGINT', listener)
  for (const other of others) process.off('SIGINT', other)
  return () => {
    for (const other of others) process.on('SIGINT', other)
    process.off('SIGINT', listener)
  }
}

/** That of this process. */
export function processIo(signal: AbortSignal): Io {
  // A prompt must not end up in a file or a pipe.
  const terminal = (): Terminal => ({ signal, output: process.stdout.isTTY ? process.stdout : process.stderr })
  return {
    // Node opens a stream at its first use, which takes time, and not all are needed.
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
    // Throws if the folder was deleted.
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
    // Loaded at the first prompt: inquirer is large, and most commands do not prompt.
    prompt: {
      text: async (message) => (await import('./prompt.ts')).askText(message, terminal()),
      secret: async (message) => (await import('./prompt.ts')).askSecret(message, terminal()),
      confirm: async (message) => (await import('./prompt.ts')).askConfirm(message, terminal()),
      choose: async (message, choices) => (await import('./prompt.ts')).askChoice(message, choices, terminal()),
    },
    signal,
  }
}
