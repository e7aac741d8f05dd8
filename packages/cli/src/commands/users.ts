// Who has an account on this controller?
import { Command } from 'commander'
import { listUsers } from '@deis/types'
import type { Context } from '../context.ts'
import { limitOf, limitOption, type LimitOption } from '../options.ts'
import { countSuffix, print } from '../output.ts'

export function users(context: Context): Command[] {
  return [
    new Command('users:list')
      .description('list all accounts (administrators only)')
      .addOption(limitOption())
      .action(async (options: LimitOption) => {
        const page = await context.call(listUsers, { query: { limit: await limitOf(context, options) } })
        print(context.io, `=== Users (*=admin)${countSuffix(page)}`)
        for (const user of page.results) print(context.io, `${user.is_superuser ? '*' : ''}${user.username}`)
      }),
  ]
}
