// Which short names are there?
import { Command } from 'commander'
import type { Context } from '../context.ts'
import { print } from '../output.ts'
import { shortcutLines } from '../shortcuts.ts'

export function shortcutCommands({ io }: Context): Command[] {
  return [
    new Command('shortcuts:list').description('list the short names of commands').action(() => {
      for (const line of [...shortcutLines(), '']) print(io, line)
    }),
  ]
}
