// How is an app destroyed without destroying another one by mistake?
import { DeisError, destroyApp } from '@deis/types'
import { readLine } from '../../terminal/ask.ts'
import type { Context } from '../../profile/context.ts'
import { listRemotes } from '../../profile/remotes.ts'
import { print, timed } from '../../terminal/output.ts'
import { removeRemotes } from '../git.ts'

async function confirmed(context: Context, id: string): Promise<string> {
  const { io } = context
  print(io, ' !    This cannot be undone.')
  print(io, ` !    This destroys the app "${id}" with all its releases, settings and domains.`)
  print(io, ` !    Type "${id}" to confirm, or run this command again with --confirm=${id}`)
  io.stdout.write('\n> ')
  const answer = await readLine(io)
  if (!io.isTty.stdin) print(io)
  if (answer !== null) return answer
  throw new DeisError('usage', `Not confirmed; "${id}" was not destroyed.`, { hint: `Use --confirm=${id}.` })
}

export async function destroy(context: Context, options: { app?: string; confirm?: string }): Promise<void> {
  const { io } = context
  const { id, from } = await context.findApp(options.app)
  const answer = options.confirm ?? (await confirmed(context, id))
  if (answer !== id)
    throw new DeisError('usage', `${JSON.stringify(answer)} is not the name of the app; "${id}" was not destroyed.`)
  print(io, `Destroying ${id}...`)
  const { took } = await timed(io, () => context.call(destroyApp, { params: { id } }))
  print(io, took)
  // With --app or DEIS_APP the remotes stay as they are. Outside a repository there is no remote to remove.
  if (from === 'git' || (from === 'folder' && (await hasRepository(context)))) await removeRemotes(context, id)
}

function hasRepository({ io }: Context): Promise<boolean> {
  return listRemotes(io).then(
    () => true,
    () => false,
  )
}
