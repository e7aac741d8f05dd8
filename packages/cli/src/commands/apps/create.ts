// How is an app created, and its git remote added to this checkout?
import { createApp, DeisError, messageOf, setConfig } from '@deis/types'
import type { Context } from '../../profile/context.ts'
import { listRemotes } from '../../profile/remotes.ts'
import { note, print, step } from '../../terminal/output.ts'
import { createRemote, urlOfRemote } from '../git.ts'

export type CreateOptions = { readonly remote: string | false; readonly buildpack?: string }

/** The name of the new remote, or null for none. Checked before anything is created on the controller. */
async function remoteToMake(context: Context, wanted: string | false, id: string | undefined): Promise<string | null> {
  if (wanted === false) return null
  let existing
  try {
    existing = await listRemotes(context.io)
  } catch (error) {
    // At the edge of a file system git explains itself in a second line.
    const [why] = messageOf(error).split('\n')
    note(context.io, `Note: no git remote was added (${why}).`)
    return null
  }
  if (!existing.some(({ name }) => name === wanted)) return wanted
  throw new DeisError('usage', `This repository already has a git remote "${wanted}", so no app was created.`, {
    hint: [
      'Choose another name with --remote, use --no-remote to add none,',
      `or point it to an existing app: \`deis git:remote --force --remote ${wanted} --app ${id ?? '<app>'}\`.`,
    ].join('\n'),
  })
}

async function useBuildpack(context: Context, id: string, url: string): Promise<void> {
  try {
    await context.call(setConfig, { params: { id }, body: { values: { BUILDPACK_URL: url } } })
  } catch (error) {
    throw new DeisError(error instanceof DeisError ? error.code : 'internal', messageOf(error), {
      hint: `The app "${id}" was created, but its buildpack was not set: \`deis config:set -a ${id} BUILDPACK_URL=<url>\`.`,
      cause: error,
    })
  }
}

export async function create(context: Context, wantedId: string | undefined, options: CreateOptions): Promise<void> {
  const { io } = context
  await context.profile()
  const remote = await remoteToMake(context, options.remote, wantedId)
  // Requested before the app is created, so that a failure here leaves nothing behind.
  if (remote !== null) await urlOfRemote(context, wantedId ?? 'app')
  const app = await step(
    io,
    'Creating Application...',
    () => context.call(createApp, wantedId === undefined ? {} : { body: { id: wantedId } }),
    ({ id }) => `done, created ${id}`,
  )
  const { id } = app
  if (remote === null) print(io, `If you want to add a git remote for this app later, use \`deis git:remote -a ${id}\``)
  else await createRemote(context, remote, await urlOfRemote(context, id), id)
  if (options.buildpack !== undefined) await useBuildpack(context, id, options.buildpack)
  context.answer(app)
}
