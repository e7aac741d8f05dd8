// How is an error printed, and which exit code does it have?
import { constants } from 'node:os'
import { DeisError, errors, messageOf } from '@deis/types'
import type { Io } from './io.ts'

/** 128 + n, as shells count a program ended by signal n. */
export function interrupted(signal: unknown): number {
  const ended = signal === 'SIGTERM' || signal === 'SIGHUP' ? signal : 'SIGINT'
  return 128 + constants.signals[ended]
}

/** Ctrl-C at a prompt. On a terminal in raw mode it is a key, not a signal. */
const cancellations = new Set(['ExitPromptError', 'AbortPromptError'])

export function report(error: unknown, io: Io): number {
  if (error instanceof Error && cancellations.has(error.name)) {
    io.stderr.write('cancelled\n')
    return interrupted(io.signal.reason)
  }
  if (io.signal.aborted) {
    io.stderr.write('Error: interrupted; the controller may still be working\n')
    return interrupted(io.signal.reason)
  }
  io.stderr.write(`Error: ${messageOf(error)}\n`)
  if (!(error instanceof DeisError)) return 1
  if (error.hint) io.stderr.write(`${error.hint}\n`)
  return errors[error.code].exit
}
