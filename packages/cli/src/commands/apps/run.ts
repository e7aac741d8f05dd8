// How does a command run once, with or without somebody at its input?
import { Command } from 'commander'
import { runCommand } from '@deis/types'
import type { Context } from '../../context.ts'
import { type AppOption, appOption } from '../../options.ts'
import { print, spin } from '../../output.ts'
import { shellLine } from '../../shellwords.ts'
import { attending, sit, type SitOptions, sitOptions } from '../sit.ts'

/** Nothing of it is seen before it has ended. */
async function runToItsEnd(context: Context, id: string, command: string): Promise<void> {
  const { io } = context
  print(io, `Running '${command}'...`)
  const result = await spin(io, () => context.call(runCommand, { params: { id }, body: { command } }))
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
