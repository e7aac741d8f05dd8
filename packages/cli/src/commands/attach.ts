// What do the interactive commands (`run -it`, `ps:exec`) share?
import { Option } from 'commander'
import { DeisError, type TerminalStart } from '@deis/types'
import { originOf } from '../parse/address.ts'
import type { Context } from '../profile/context.ts'
import type { Io } from '../terminal/io.ts'
import type { AppOption } from '../parse/options.ts'
import { note } from '../terminal/output.ts'

export type AttachOptions = { readonly interactive?: boolean; readonly tty?: boolean }

export function attachOptions(): Option[] {
  return [
    new Option('-i, --interactive', 'pass input to the command'),
    new Option('-t, --tty', 'give the command a terminal'),
  ]
}

export function isAttached({ interactive, tty }: AttachOptions): boolean {
  return interactive === true || tty === true
}

function terminalOf(io: Io): NonNullable<TerminalStart['terminal']> {
  const name = io.env['TERM'] ?? ''
  return {
    ...(io.tty?.size() ?? { columns: 80, rows: 24 }),
    name: /^[A-Za-z0-9._+-]{1,64}$/.test(name) ? name : 'xterm',
  }
}

/** Refuses what cannot work, before any request. */
export function checkAttach(context: Context, { tty = false }: AttachOptions): void {
  if (context.json)
    throw new DeisError('usage', '--json cannot be combined with an interactive command.', {
      hint: 'Run it without --json, or without -i and -t.',
    })
  if (tty && !context.io.isTty.stdin)
    throw new DeisError('usage', '-t needs a terminal, and stdin is not one.', {
      hint: 'Use -i without -t to pass on input from a pipe.',
    })
}

/** The exit code becomes that of the command. */
export async function attach(
  context: Context,
  options: AppOption & AttachOptions,
  { command, pod }: { readonly command: string; readonly pod?: string },
): Promise<void> {
  checkAttach(context, options)
  const { io } = context
  const { interactive = false, tty = false } = options
  const id = await context.app(options.app)
  const [{ connectTerminal }, { runSession }] = await Promise.all([
    import('../http/websocket.ts'),
    import('../terminal/session.ts'),
  ])
  // Only on a terminal: a new process takes a moment to start.
  if (tty && pod === undefined) note(io, `Running '${command}'...`)
  context.exitCode = await context.connected(async (connection) =>
    runSession(await connectTerminal(context.wire, connection, id), {
      io,
      controller: originOf(connection.controller),
      start: {
        type: 'start',
        command,
        ...(pod === undefined ? {} : { pod }),
        stdin: interactive,
        terminal: tty ? terminalOf(io) : null,
      },
    }),
  )
}
