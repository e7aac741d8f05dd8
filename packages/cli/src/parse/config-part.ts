// How is one part of an app's config (limits, tags, registry, healthchecks) changed?
import { type Body, type Config, getConfig, setConfig } from '@deis/types'
import type { Context } from '../profile/context.ts'
import { print, step } from '../terminal/output.ts'

/** Says `<title> done`, leaves a line free and gives the config as it is then: what the change led to is shown below. */
export async function changeConfig(
  context: Context,
  id: string,
  title: string,
  body: Body<typeof setConfig>,
): Promise<Config> {
  await step(context.io, title, () => context.call(setConfig, { params: { id }, body }))
  print(context.io)
  return context.call(getConfig, { params: { id } })
}
