// Which users does this controller have?
import { Command } from 'commander'
import { listUsers } from '@deis/types'
import type { Context } from '../profile/context.ts'
import { limitOf, limitOption, type LimitOption } from '../parse/options.ts'
import { countSuffix } from '../terminal/output.ts'

export function users(context: Context): Command[] {
  return [
    new Command('users:list')
      .description('list all users; admins only')
      .addOption(limitOption())
      .action(async (options: LimitOption) => {
        const page = await context.call(listUsers, { query: { limit: await limitOf(context, options) } })
        const names = page.results.map((user) => `${user.is_superuser ? '*' : ''}${user.username}`)
        context.answer(page, [`=== Users (*=admin)${countSuffix(page)}`, ...names])
      }),
  ]
}
