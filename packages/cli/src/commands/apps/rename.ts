// How does an app get another name, and the git remotes of this folder with it?
import { renameApp } from '@deis/types'
import type { AppOption } from '../../parse/options.ts'
import type { Context } from '../../profile/context.ts'
import { listRemotes, type Remote, remotesHere, setRemoteUrl, webRemoteUrl } from '../../profile/remotes.ts'
import { print, step } from '../../terminal/output.ts'
import { urlOfRemote } from '../git.ts'

/** Remotes of the app point to where it is pushed now: over HTTPS, if they did. */
async function moveRemotes(context: Context, from: string, to: string): Promise<void> {
  const { io } = context
  // Outside a repository, or without git, there are no remotes.
  const remotes = await listRemotes(io).catch((): Remote[] => [])
  if (remotes.length === 0) return
  const { controller } = await context.profile()
  const moved = new Set<string>()
  for (const { app, remote } of remotesHere(remotes, await context.platform(), controller)) {
    if (app !== from || moved.has(remote.name)) continue
    const isWeb = remote.url === webRemoteUrl(from, controller)
    await setRemoteUrl(io, {
      name: remote.name,
      url: isWeb ? webRemoteUrl(to, controller) : await urlOfRemote(context, to),
    })
    moved.add(remote.name)
    print(io, `Git remote ${remote.name} now points to app ${to}.`)
  }
}

export async function rename(context: Context, wanted: string, { app }: AppOption): Promise<void> {
  const from = await context.app(app)
  const renamed = await step(context.io, `Renaming ${from} to ${wanted}...`, () =>
    context.call(renameApp, { params: { id: from }, body: { id: wanted } }),
  )
  await moveRemotes(context, from, renamed.id)
  context.answer(renamed)
}
