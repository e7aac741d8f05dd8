// What do the commands share with which a person sits at another one?
import { Option } from 'commander'
import { DeisError, type TerminalStart } from '@deis/types'
import { originOf } from '../parse/address.ts'
import type { Context } from '../profile/context.ts'
import type { Io } from '../terminal/io.ts'
import type { AppOption } from '../parse/options.ts'
import { note } from '../terminal/output.ts'

export type SitOptions = { readonly interactive?: boolean; readonly tty?: boolean }

export function sitOptions(): Option[] {
  return [
    new Option('-i, --interactive', 'pass on what is typed or piped in'),
    new Option('-t, --tty', 'give it a terminal, of the size of this one'),
  ]
}

export function attending({ interactive, tty }: SitOptions): boolean {
  return interactive === true || tty === true
}

function terminalOf(io: Io): NonNullable<TerminalStart['terminal']> {
  const name = io.env['TERM'] ?? ''
  return {
    ...(io.tty?.size() ?? { columns: 80, rows: 24 }),
    name: /^[A-Za-z0-9._+-]{1,64}$/.test(name) ? name : 'xterm',
  }
}

/** What cannot be done is said before anything is asked for. */
export function checkSitting(context: Context, { tty = false }: SitOptions): void {
  if (context.json)
    throw new DeisError('usage', 'What a command says to the one who sits at it is no JSON.', {
      hint: 'Leave out --json.',
    })
  if (tty && !context.io.isTty.stdin)
    throw new DeisError('usage', 'There is no terminal at stdin, which -t needs.', {
      hint: 'Leave out -t: -i alone passes on what is piped in.',
    })
}

/** Ends with the exit code of the command. */
export async function sit(
  context: Context,
  options: AppOption & SitOptions,
  { command, pod }: { readonly command: string; readonly pod?: string },
): Promise<void> {
  checkSitting(context, options)
  const { io } = context
  const { interactive = false, tty = false } = options
  const id = await context.app(options.app)
  const [{ connectTerminal }, { attend }] = await Promise.all([
    import('../http/websocket.ts'),
    import('../terminal/attach.ts'),
  ])
  // Only for a person: a pod of its own takes a moment to start.
  if (tty && pod === undefined) note(io, `Running '${command}'...`)
  context.exitCode = await context.connected(async (connection) =>
    attend(await connectTerminal(context.wire, connection, id), {
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
