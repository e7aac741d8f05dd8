// How does a one-off command start that nobody waits for?
import { Command } from 'commander'
import { startOneOff } from '@deis/types'
import type { Context } from '../../profile/context.ts'
import { type AppOption, appOption } from '../../parse/options.ts'
import { note, step } from '../../terminal/output.ts'
import { shellLine } from '../../parse/shellwords.ts'

export function start(context: Context): Command {
  return new Command('ps:start')
    .description('start a one-off command in the current release, and do not wait for it')
    .argument(
      '<command...>',
      'one word is run by the shell, several are passed unchanged; put -- before a command with options',
    )
    .usage('[options] [--] <command...>')
    .addOption(appOption())
    .action(async (words: string[], { app }: AppOption) => {
      const id = await context.app(app)
      const command = shellLine(words)
      const started = await step(
        context.io,
        `Starting '${command}'...`,
        () => context.call(startOneOff, { params: { id }, body: { command } }),
        ({ name }) => `done, ${name}`,
      )
      note(context.io, `Its output: deis logs --follow --ptype run -a ${id}`)
      note(context.io, `To stop it: deis ps:stop ${started.name} -a ${id}`)
      context.answer(started)
    })
}
