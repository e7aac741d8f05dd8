// Which image of Cloud Native Buildpacks builds an app?
import { Command } from 'commander'
import { getSettings, setSettings } from '@deis/types'
import type { Context } from '../profile/context.ts'
import { type AppOption, appOption } from '../parse/options.ts'
import { note, step } from '../terminal/output.ts'

/** After a change of how an app is built. */
export const atNextPush = 'It counts from the next push on; what runs is not changed.'

export function builder(context: Context): Command[] {
  async function info({ app }: AppOption): Promise<void> {
    const id = await context.app(app)
    const { builder: image = null } = await context.call(getSettings, { params: { id } })
    context.answer({ builder: image }, [`=== ${id} Builder`, image ?? 'The default of the platform'])
  }

  async function change(app: string | undefined, title: string, image: string | null): Promise<void> {
    const id = await context.app(app)
    const set = (): Promise<{ builder?: string | null }> =>
      context.call(setSettings, { params: { id }, body: { builder: image } })
    const { builder: stored = null } = await step(context.io, `${title} builder of ${id}...`, set)
    note(context.io, atNextPush)
    context.answer({ builder: stored })
  }

  return [
    new Command('builder:info').description('show the image that builds an app').addOption(appOption()).action(info),
    new Command('builder:set')
      .description('build an app with another image of Cloud Native Buildpacks, from the next push on')
      .argument('<image>', 'an image that the platform allows, such as heroku/builder:24')
      .addOption(appOption())
      .action((image: string, { app }: AppOption) => change(app, 'Setting', image)),
    new Command('builder:unset')
      .description('build an app with the default of the platform, from the next push on')
      .addOption(appOption())
      .action(({ app }: AppOption) => change(app, 'Unsetting', null)),
  ]
}
