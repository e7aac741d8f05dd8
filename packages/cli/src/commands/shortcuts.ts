// Which short names are there?
import { Command } from 'commander'
import type { Context } from '../context.ts'
import { shortcutLines, shortcuts } from '../shortcuts.ts'

export function shortcutCommands(context: Context): Command[] {
  return [
    new Command('shortcuts:list').description('list the short names of commands').action(() => {
      context.answer(shortcuts, [...shortcutLines(), ''])
    }),
  ]
}
