// How does `apps:run` run a one-off command?
import { randomUUID } from 'node:crypto'
import { Command } from 'commander'
import { type Response, runCommand, stopPod } from '@deis/types'
import { call, type Connection } from '../../http/client.ts'
import type { Context } from '../../profile/context.ts'
import { type AppOption, appOption } from '../../parse/options.ts'
import { note, print, spin } from '../../terminal/output.ts'
import { interrupted } from '../../terminal/report.ts'
import { shellLine } from '../../parse/shellwords.ts'
import { isAttached, attach, type AttachOptions, attachOptions } from '../attach.ts'

type Result = Response<typeof runCommand>

/**
 * Runs the command with Ctrl-C handled here: the first asks the controller to stop the command, whose remaining output is
 * still shown; the second ends this program, and the controller then stops the command too. `left`: it was the second.
 */
async function callWithInterrupts(
  context: Context,
  id: string,
  command: string,
): Promise<Result | { readonly left: true }> {
  const { io } = context
  const leave = new AbortController()
  const wire = { ...context.wire, signal: AbortSignal.any([context.wire.signal, leave.signal]) }
  const requestId = randomUUID()
  const stop = async (connection: Connection): Promise<void> => {
    note(io, 'Stopping the command; press Ctrl-C again to leave at once.')
    // A controller without this route stops the command when the connection ends.
    await call(wire, connection, stopPod, { params: { id, type: 'run', name: requestId } }).catch(() => leave.abort())
  }
  return context.connected(async (connection) => {
    let presses = 0
    const release = io.takeInterrupts(() => {
      presses++
      if (presses === 1) void stop(connection)
      else leave.abort()
    })
    try {
      const given = { params: { id }, body: { command }, requestId }
      const result = await call(wire, connection, runCommand, given)
      return presses > 0 ? { ...result, exit_code: interrupted('SIGINT') } : result
    } catch (error) {
      if (leave.signal.aborted) return { left: true }
      throw error
    } finally {
      release()
    }
  })
}

/** The output is shown when the command has ended. */
async function runAndWait(context: Context, id: string, command: string): Promise<void> {
  const { io } = context
  print(io, `Running '${command}'...`)
  const result = await spin(io, () => callWithInterrupts(context, id, command))
  if ('left' in result) {
    context.exitCode = interrupted('SIGINT')
    return
  }
  const { exit_code, output } = result
  context.answer(result, exit_code === 0 ? output : '')
  if (exit_code !== 0 && !context.json) io.stderr.write(output)
  context.exitCode = exit_code
}

export function run(context: Context): Command {
  const command = new Command('apps:run')
    .description('run a one-off command in the current release, and exit with its exit code')
    .argument(
      '[command...]',
      'one word is run by the shell, several are passed unchanged; put -- before a command with options; with -i or -t the default is bash',
    )
    .usage('[options] [--] <command...>')
    .addOption(appOption())
  for (const option of attachOptions()) command.addOption(option)
  return command.action(async (words: string[], options: AppOption & AttachOptions) => {
    if (isAttached(options)) return attach(context, options, { command: shellLine(words) || 'bash' })
    if (words.length === 0) command.error("error: missing required argument 'command'")
    return runAndWait(context, await context.app(options.app), shellLine(words))
  })
}
