// Who may use an app besides its owner, and who is an administrator?
import { Command, Option } from 'commander'
import {
  addAdmin,
  addCollaborator,
  DeisError,
  listAdmins,
  listCollaborators,
  removeAdmin,
  removeCollaborator,
} from '@deis/types'
import type { Context } from '../context.ts'
import { type AppOption, appOption, limitOf, limitOption, type LimitOption } from '../options.ts'
import { countSuffix, step } from '../output.ts'

type Scope = AppOption & { readonly admin?: boolean }

export function perms(context: Context): Command[] {
  const { io } = context

  async function list(options: Scope & LimitOption): Promise<void> {
    if (options.admin) {
      const page = await context.call(listAdmins, { query: { limit: await limitOf(context, options) } })
      const names = page.results.map(({ username }) => username)
      return context.answer(page, [`=== Administrators${countSuffix(page)}`, ...names])
    }
    if (options.limit !== undefined)
      throw new DeisError('usage', 'The users of an app are always all listed.', {
        hint: 'Leave --limit out, or pass --admin.',
      })
    const id = await context.app(options.app)
    const collaborators = await context.call(listCollaborators, { params: { id } })
    context.answer(collaborators, [`=== ${id}'s Users`, ...collaborators.users])
  }

  async function create(username: string, { app, admin }: Scope): Promise<void> {
    const body = { username }
    if (admin) {
      const title = `Adding ${username} to system administrators...`
      return void (await step(io, title, () => context.call(addAdmin, { body })))
    }
    const id = await context.app(app)
    await step(io, `Adding ${username} to ${id} collaborators...`, () =>
      context.call(addCollaborator, { params: { id }, body }),
    )
  }

  async function remove(username: string, { app, admin }: Scope): Promise<void> {
    if (admin) {
      const title = `Removing ${username} from system administrators...`
      return void (await step(io, title, () => context.call(removeAdmin, { params: { username } })))
    }
    const id = await context.app(app)
    await step(io, `Removing ${username} from ${id} collaborators...`, () =>
      context.call(removeCollaborator, { params: { id, username } }),
    )
  }

  const adminOption = (text: string): Option => new Option('--admin', text).conflicts('app')
  return [
    new Command('perms:list')
      .description('list who may use an app, or the administrators')
      .addOption(appOption())
      .addOption(adminOption('list the administrators'))
      .addOption(limitOption())
      .action(list),
    new Command('perms:create')
      .description('let somebody use an app, or make an administrator')
      .argument('<username>', 'who')
      .addOption(appOption())
      .addOption(adminOption('make an administrator'))
      .action(create),
    new Command('perms:delete')
      .description('let somebody no longer use an app, or be an administrator')
      .argument('<username>', 'who')
      .addOption(appOption())
      .addOption(adminOption('no longer an administrator'))
      .action(remove),
  ]
}
