// Who may use an app besides its owner, and who is an admin?
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
import type { Context } from '../profile/context.ts'
import { type AppOption, appOption, limitOf, limitOption, type LimitOption } from '../parse/options.ts'
import { countSuffix, step } from '../terminal/output.ts'

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
      throw new DeisError('usage', '--limit needs --admin: the users of an app are always listed in full.', {
        hint: 'Run it without --limit, or with --admin.',
      })
    const id = await context.app(options.app)
    const collaborators = await context.call(listCollaborators, { params: { id } })
    context.answer(collaborators, [`=== ${id}'s Users`, ...collaborators.users])
  }

  /** One after the other: the last line says which one failed. */
  async function create(usernames: string[], { app, admin }: Scope): Promise<void> {
    const id = admin ? null : await context.app(app)
    for (const username of usernames) {
      const body = { username }
      await (id === null
        ? step(io, `Adding ${username} to system administrators...`, () => context.call(addAdmin, { body }))
        : step(io, `Adding ${username} to ${id} collaborators...`, () =>
            context.call(addCollaborator, { params: { id }, body }),
          ))
    }
  }

  async function remove(usernames: string[], { app, admin }: Scope): Promise<void> {
    const id = admin ? null : await context.app(app)
    for (const username of usernames)
      await (id === null
        ? step(io, `Removing ${username} from system administrators...`, () =>
            context.call(removeAdmin, { params: { username } }),
          )
        : step(io, `Removing ${username} from ${id} collaborators...`, () =>
            context.call(removeCollaborator, { params: { id, username } }),
          ))
  }

  const adminOption = (text: string): Option => new Option('--admin', text).conflicts('app')
  return [
    new Command('perms:list')
      .description('list the users of an app, or the admins')
      .addOption(appOption())
      .addOption(adminOption('list the admins'))
      .addOption(limitOption())
      .action(list),
    new Command('perms:create')
      .description('give a user access to an app, or admin rights')
      .argument('<username...>', 'names of users')
      .addOption(appOption())
      .addOption(adminOption('give admin rights'))
      .action(create),
    new Command('perms:delete')
      .description("revoke a user's access to an app, or their admin rights")
      .argument('<username...>', 'names of users')
      .addOption(appOption())
      .addOption(adminOption('revoke admin rights'))
      .action(remove),
  ]
}
