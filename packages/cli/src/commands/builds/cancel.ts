// How is a running build cancelled?
import { cancelBuild, DeisError, listBuilds } from '@deis/types'
import type { Context } from '../../profile/context.ts'
import { step } from '../../terminal/output.ts'

const newest = '100'

async function running(context: Context, id: string): Promise<string> {
  const { results } = await context.call(listBuilds, { params: { id }, query: { all: '1', limit: newest } })
  const found = results.find(({ status }) => status === 'running')
  if (found) return found.uuid
  throw new DeisError('conflict', `No build of "${id}" is running.`, {
    hint: 'List builds with `deis builds:list --all`. To undo a release, use `deis rollback`.',
  })
}

export async function cancel(context: Context, id: string, given: string | undefined): Promise<void> {
  const uuid = given ?? (await running(context, id))
  const build = await step(context.io, `Cancelling build ${uuid}...`, () =>
    context.call(cancelBuild, { params: { id, uuid } }),
  )
  context.answer(build)
}
