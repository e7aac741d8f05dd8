// How does a command line of `deis-server` become an exit code?
import { DeisError, messageOf } from '@deis/types'
import { Command, CommanderError } from 'commander'
import { commands } from './commands.ts'
import { Cancelled, Failure } from './failure.ts'
import type { Io } from './io.ts'

/** Prints what is wrong, and returns the exit code. */
export function codeOf(error: unknown, { err, signal }: Pick<Io, 'err' | 'signal'>): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  const isOurs = error instanceof Failure || error instanceof DeisError
  const reason: unknown = signal.reason
  if (!isOurs && reason instanceof Cancelled) {
    err(reason.message)
    return reason.code
  }
  err(`Error: ${messageOf(error)}`)
  if (isOurs && error.hint !== undefined) err(error.hint)
  return 1
}

/** 0: done. 1: it failed, or found something broken. 2: the command line is wrong. 130, 143: a signal cancelled it. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  let code = 0
  const root = new Command('deis-server')
    .description('install, upgrade and check the platform on this machine')
    .helpCommand('help [command]', 'what a command does, and its options')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.out(text.trimEnd()),
      writeErr: (text) => io.err(text.trimEnd()),
      getOutHelpWidth: () => 100,
      getErrHelpWidth: () => 100,
    })
  const failed = (): void => {
    code = 1
  }
  for (const add of commands) root.addCommand(add(io, failed).copyInheritedSettings(root))
  try {
    await root.parseAsync(argv, { from: 'user' })
    return code
  } catch (error) {
    return codeOf(error, io)
  }
}
