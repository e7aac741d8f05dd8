// How is anything thrown told to a person, and which exit code is it?
import { constants } from 'node:os'
import { DeisError, errors, messageOf } from '@deis/types'
import type { Io } from './io.ts'

/** 128 + n, as shells count a program ended by signal n. */
export function interrupted(signal: unknown): number {
  return 128 + (signal === 'SIGTERM' ? constants.signals.SIGTERM : constants.signals.SIGINT)
}

export function report(error: unknown, io: Io): number {
  if (io.signal.aborted) {
    io.stderr.write('Error: interrupted; what the controller had begun may go on\n')
    return interrupted(io.signal.reason)
  }
  // Ctrl-C at a question, which is no signal there.
  if (error instanceof Error && error.name === 'ExitPromptError') return interrupted('SIGINT')
  io.stderr.write(`Error: ${messageOf(error)}\n`)
  if (!(error instanceof DeisError)) return 1
  if (error.hint) io.stderr.write(`${error.hint}\n`)
  return errors[error.code].exit
}
