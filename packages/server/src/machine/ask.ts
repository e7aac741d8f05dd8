// What does a program of this machine answer?
import { execFile } from 'node:child_process'

export type Answer = {
  /** Null: it could not be started, or was ended by a signal. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

// A machine that has just booted, or swaps, takes long to start a program.
const usualMs = 30_000
const most = 4 * 1024 * 1024

/** Never rejects: a program that is missing, or takes too long, is an answer, too. */
export function ask(argv: readonly [string, ...string[]], ms = usualMs): Promise<Answer> {
  const [file, ...args] = argv
  // What programs print is compared: in no language but that of their authors.
  const options = { timeout: ms, maxBuffer: most, env: { ...usualEnv, LC_ALL: 'C.UTF-8' } }
  return new Promise((resolve) => {
    execFile(file, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null
      resolve({ code, stdout, stderr: stderr === '' && error !== null ? error.message : stderr })
    })
  })
}

const usualEnv = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root' }

/** The first version in what a program says; null: none. */
export const versionIn = (text: string): string | null => /(?<!\d)\d{1,9}(?:\.\d{1,9}){1,4}/.exec(text)?.[0] ?? null
