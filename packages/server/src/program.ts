// How does a command line of `deis-server` become an exit code?
import { DeisError, messageOf } from '@deis/types'
import { Command, CommanderError } from 'commander'
import { commands } from './commands.ts'
import { Failure } from './failure.ts'
import type { Io } from './io.ts'

/** 0: done. 1: it failed, or found something broken. 2: the command line is wrong. */
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
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    io.err(`Error: ${messageOf(error)}`)
    if ((error instanceof Failure || error instanceof DeisError) && error.hint !== undefined) io.err(error.hint)
    return 1
  }
}
