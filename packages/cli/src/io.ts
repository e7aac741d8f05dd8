// What does the command line touch of the world: streams, environment, terminal, clock?
import { fstatSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import type { Terminal } from './prompt.ts'

/** Questions to a person; only asked when one sits at stdin. */
export type Prompt = {
  text(message: string): Promise<string>
  secret(message: string): Promise<string>
  confirm(message: string): Promise<boolean>
  choose(message: string, choices: readonly string[]): Promise<string>
}

/** The only door to the terminal and the process; tests pass their own. */
export type Io = {
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly platform: NodeJS.Platform
  /** Milliseconds. */
  readonly now: () => number
  /** Does a person see or type this stream? */
  readonly isTty: { readonly stdin: boolean; readonly stdout: boolean }
  /** Not the same as a terminal: /dev/null is one too (contract/cli.md §9 note 10). */
  readonly isCharacterDevice: (stream: 'stdin' | 'stdout') => boolean
  readonly prompt: Prompt
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
    },
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
