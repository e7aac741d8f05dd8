// How does a command get input: from a prompt, or from a pipe?
import { createInterface } from 'node:readline'
import { addAbortSignal } from 'node:stream'
import { text } from 'node:stream/consumers'
import { DeisError } from '@deis/types'
import type { Io } from './io.ts'

/** Prompts on the terminal; without one, the error names the option to use. */
export async function ask(io: Io, message: string, flag: string): Promise<string> {
  requireTerminal(io, message, flag)
  return io.prompt.text(message)
}

/** The same, without showing the input. */
export async function askHidden(io: Io, message: string, flag: string): Promise<string> {
  requireTerminal(io, message, flag)
  return io.prompt.secret(message)
}

function requireTerminal(io: Io, message: string, flag: string): void {
  if (io.isTty.stdin) return
  const what = message.replace(/[:\s]+$/, '')
  throw new DeisError('usage', `No ${what} given, and stdin is not a terminal.`, { hint: `Use ${flag}.` })
}

/** The answer to a prompt, also from a pipe (`echo APP | deis destroy`); null at its end. */
export async function readLine(io: Io): Promise<string | null> {
  const lines = createInterface({ input: io.stdin, crlfDelay: Infinity, signal: io.signal })
  try {
    for await (const line of lines) return line.trim()
    if (!io.signal.aborted) return null
    // Ends the line of the prompt, in which the terminal shows ^C.
    if (io.isTty.stdin) io.stderr.write('\n')
    throw Object.assign(new Error('cancelled'), { name: 'AbortPromptError' })
  } finally {
    lines.close()
  }
}

/** All of stdin. */
export async function readAll(io: Io): Promise<string> {
  return text(addAbortSignal(io.signal, io.stdin))
}
