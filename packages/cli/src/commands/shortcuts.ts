// Which short names do commands have?
import { Command } from 'commander'
import type { Context } from '../profile/context.ts'
import { shortcutLines, shortcuts } from '../help/topics.ts'

export function shortcutCommands(context: Context): Command[] {
  return [
    new Command('shortcuts:list').description('list the short names of commands').action(() => {
      context.answer(shortcuts, [...shortcutLines(), ''])
    }),
  ]
}
