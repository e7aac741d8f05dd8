// Which build does an app run?
import { DeisError, listReleases } from '@deis/types'
import type { Context } from '../../profile/context.ts'

const newest = '100'

export async function currentBuild(context: Context, id: string): Promise<string> {
  const { results } = await context.call(listReleases, { params: { id }, query: { limit: newest } })
  const found = results.find(({ failed, build }) => !failed && build !== null)?.build
  if (found) return found
  throw new DeisError('not_found', `"${id}" runs no build yet.`, {
    hint: 'Deploy with `git push deis master`, or list all attempts with `deis builds:list --all`.',
  })
}
