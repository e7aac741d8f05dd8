// How is one part of an app's config (limits, tags, registry, health checks) changed?
import { type Body, type Config, setConfig } from '@deis/types'
import type { Context } from '../profile/context.ts'
import { print, step } from '../terminal/output.ts'

/** Prints `<title> done` and an empty line, and returns the changed config, which is then shown below. */
export async function changeConfig(
  context: Context,
  id: string,
  title: string,
  body: Body<typeof setConfig>,
): Promise<Config> {
  const config = await step(context.io, title, () => context.call(setConfig, { params: { id }, body }))
  print(context.io)
  return config
}
