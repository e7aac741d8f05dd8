// How is the git remote of an app added and removed?
import { Command } from 'commander'
import { DeisError, messageOf } from '@deis/types'
import type { Context } from '../profile/context.ts'
import { addRemote, listRemotes, remotesHere, remoteUrl, removeRemote, webRemoteUrl } from '../profile/remotes.ts'
import { trustHostKeys } from '../profile/host-keys.ts'
import { type AppOption, appOption, remoteOption } from '../parse/options.ts'
import { note, print } from '../terminal/output.ts'
import { credentials, useHelper } from './credentials.ts'

export async function urlOfRemote(context: Context, app: string): Promise<string> {
  const { controller } = await context.profile()
  return remoteUrl(app, await context.platform(), controller)
}

/** Without it ssh asks at the first push, and fails where nobody can answer. */
async function trust(context: Context, url: string): Promise<void> {
  if (!url.startsWith('ssh:')) return
  try {
    const added = await trustHostKeys(context.io, url, await context.platform(), await context.profile())
    if (added) note(context.io, `The host keys of ${added.name} were added to ${added.file}.`)
  } catch (error) {
    note(context.io, `Note: the host keys of the git server were not added (${messageOf(error)}).`)
  }
}

export async function createRemote(context: Context, name: string, url: string, app: string): Promise<void> {
  await addRemote(context.io, { name, url })
  print(context.io, `Git remote ${name} successfully created for app ${app}.`)
  await trust(context, url)
}

/** Removes every remote of the app; whether there was one. */
export async function removeRemotes(context: Context, app: string): Promise<boolean> {
  const { controller } = await context.profile()
  const found = remotesHere(await listRemotes(context.io), await context.platform(), controller)
  const names = new Set(found.filter((candidate) => candidate.app === app).map(({ remote }) => remote.name))
  for (const name of names) await removeRemote(context.io, name)
  if (names.size > 0) print(context.io, `Removed the git remotes of app ${app}.`)
  return names.size > 0
}

export function git(context: Context): Command[] {
  const { io } = context

  type RemoteOptions = AppOption & { remote: string; force?: boolean; https?: boolean }

  async function remote({ app, remote: name, force, https }: RemoteOptions): Promise<void> {
    const id = await context.app(app)
    const { controller } = await context.profile()
    const wanted = https ? webRemoteUrl(id, controller) : await urlOfRemote(context, id)
    const remotes = await listRemotes(io)
    if (https) await useHelper(context)
    const existing = remotes.find((candidate) => candidate.name === name)
    if (existing?.url === wanted) {
      print(io, `Git remote ${name} already points to app ${id}.`)
      return trust(context, wanted)
    }
    const isFormer = remotesHere(remotes, await context.platform(), controller).some(
      (candidate) => candidate.remote === existing && candidate.app === id,
    )
    if (existing && !force && !isFormer)
      throw new DeisError(
        'usage',
        `The git remote "${name}" points to ${existing.url}, not to ${wanted}; it was not changed.`,
        {
          hint: 'Use --force to replace it, or choose another name with --remote.',
        },
      )
    if (existing) {
      print(io, `Deleting git remote ${name}, which pointed to ${existing.url}.`)
      await removeRemote(io, name)
    }
    await createRemote(context, name, wanted, id)
  }

  async function remove({ app }: AppOption): Promise<void> {
    const id = await context.app(app)
    if (!(await removeRemotes(context, id)))
      throw new DeisError('usage', `No git remote points to the app "${id}".`, {
        hint: `Its address is ${await urlOfRemote(context, id)}; compare \`git remote -v\`.`,
      })
  }

  return [
    new Command('git:remote')
      .description('add the git remote of an app to this repository')
      .addOption(appOption())
      .addOption(remoteOption())
      .option('-f, --force', 'replace an existing remote of this name')
      .option('--https', 'push over HTTPS with your token, instead of over SSH with a key')
      .action(remote),
    new Command('git:remove')
      .description('remove the git remotes of an app from this repository')
      .addOption(appOption())
      .action(remove),
    credentials(context),
  ]
}
