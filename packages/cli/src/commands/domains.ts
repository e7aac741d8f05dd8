// How are the domains of an app managed?
import { Command } from 'commander'
import { addDomain, listDomains, removeDomain } from '@deis/types'
import type { Context } from '../profile/context.ts'
import { type AppOption, appOption, limitOf, limitOption, type LimitOption } from '../parse/options.ts'
import { countSuffix, step } from '../terminal/output.ts'

export function domains(context: Context): Command[] {
  const { io } = context

  async function list(options: AppOption & LimitOption): Promise<void> {
    const id = await context.app(options.app)
    const page = await context.call(listDomains, { params: { id }, query: { limit: await limitOf(context, options) } })
    context.answer(page, [`=== ${id} Domains${countSuffix(page)}`, ...page.results.map(({ domain }) => domain)])
  }

  async function add(domain: string, { app }: AppOption): Promise<void> {
    const id = await context.app(app)
    const added = await step(io, `Adding ${domain} to ${id}...`, () =>
      context.call(addDomain, { params: { id }, body: { domain } }),
    )
    context.answer(added)
  }

  async function remove(domains: string[], { app }: AppOption): Promise<void> {
    const id = await context.app(app)
    for (const domain of domains)
      await step(io, `Removing ${domain} from ${id}...`, () => context.call(removeDomain, { params: { id, domain } }))
  }

  return [
    new Command('domains:list')
      .description('list the domains of an app')
      .addOption(appOption())
      .addOption(limitOption())
      .action(list),
    new Command('domains:add')
      .description('add a domain to an app')
      .argument(
        '<domain>',
        'such as www.example.com or *.example.com; a name without a dot is under the domain of the platform',
      )
      .addOption(appOption())
      .action(add),
    new Command('domains:remove')
      .description('remove domains from an app')
      .argument('<domain...>', 'domains from `deis domains:list`')
      .addOption(appOption())
      .action(remove),
  ]
}
