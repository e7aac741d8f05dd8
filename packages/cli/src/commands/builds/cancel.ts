// How is a build ended before its time?
import { cancelBuild, DeisError, listBuilds } from '@deis/types'
import type { Context } from '../../profile/context.ts'
import { step } from '../../terminal/output.ts'

const newest = '100'

async function running(context: Context, id: string): Promise<string> {
  const { results } = await context.call(listBuilds, { params: { id }, query: { all: '1', limit: newest } })
  const found = results.find(({ status }) => status === 'running')
  if (found) return found.uuid
  throw new DeisError('conflict', `No build of ${id} is running.`, {
    hint: 'See `deis builds:list --all`; a release is undone with `deis rollback`.',
  })
}

export async function cancel(context: Context, id: string, given: string | undefined): Promise<void> {
  const uuid = given ?? (await running(context, id))
  const build = await step(context.io, `Cancelling build ${uuid}...`, () =>
    context.call(cancelBuild, { params: { id, uuid } }),
  )
  context.answer(build)
}
