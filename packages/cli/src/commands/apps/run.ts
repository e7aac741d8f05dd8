// How does a command run once, with or without somebody at its input?
import { randomUUID } from 'node:crypto'
import { Command } from 'commander'
import { type Response, runCommand, stopPod } from '@deis/types'
import { call, type Connection } from '../../http/client.ts'
import type { Context } from '../../profile/context.ts'
import { type AppOption, appOption } from '../../parse/options.ts'
import { note, print, spin } from '../../terminal/output.ts'
import { interrupted } from '../../terminal/report.ts'
import { shellLine } from '../../parse/shellwords.ts'
import { attending, sit, type SitOptions, sitOptions } from '../attach.ts'

type Result = Response<typeof runCommand>

/**
 * Runs it while Ctrl-C is ours: the first asks the controller to end the command, whose last words are still shown, and
 * the second leaves, upon which the controller ends it too. `left`: we left.
 */
async function whileOurs(context: Context, id: string, command: string): Promise<Result | { readonly left: true }> {
  const { io } = context
  const leave = new AbortController()
  const wire = { ...context.wire, signal: AbortSignal.any([context.wire.signal, leave.signal]) }
  const requestId = randomUUID()
  const stop = async (connection: Connection): Promise<void> => {
    note(io, 'Stopping the command; Ctrl-C again leaves at once.')
    // A controller that does not know how ends it when we leave.
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

/** Nothing of it is seen before it has ended. */
async function runToItsEnd(context: Context, id: string, command: string): Promise<void> {
  const { io } = context
  print(io, `Running '${command}'...`)
  const result = await spin(io, () => whileOurs(context, id, command))
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
    .description('run a command in the current release, and end with its exit code')
    .argument(
      '[command...]',
      'one word is a line for the shell, several arrive as they are; put -- before it if it has options of its own; with -i or -t it may be left out for bash',
    )
    .usage('[options] [--] <command...>')
    .addOption(appOption())
  for (const option of sitOptions()) command.addOption(option)
  return command.action(async (words: string[], options: AppOption & SitOptions) => {
    if (attending(options)) return sit(context, options, { command: shellLine(words) || 'bash' })
    if (words.length === 0) command.error("error: missing required argument 'command'")
    return runToItsEnd(context, await context.app(options.app), shellLine(words))
  })
}
