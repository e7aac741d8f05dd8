// How does a program of this machine end, such as git or ssh, and what has it printed?
import { execFile, type ExecFileException } from 'node:child_process'
import type { Io } from '../terminal/io.ts'

export type Ended = { readonly error: ExecFileException | null; readonly stdout: string; readonly stderr: string }

/** `error`: its exit code, or that it is not there or took longer than `ms`. */
export function run(io: Io, program: string, args: readonly string[], ms: number): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { cwd: io.cwd, env: io.env, timeout: ms, signal: io.signal }
    execFile(program, args, options, (error, stdout, stderr) => resolve({ error, stdout, stderr }))
  })
}
