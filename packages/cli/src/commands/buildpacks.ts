// Which buildpacks of its builder build an app?
import { Command } from 'commander'
import { getSettings, setSettings } from '@deis/types'
import type { Context } from '../profile/context.ts'
import { type AppOption, appOption } from '../parse/options.ts'
import { note, step } from '../terminal/output.ts'
import { atNextPush } from './builder.ts'

export function buildpacks(context: Context): Command[] {
  async function list({ app }: AppOption): Promise<void> {
    const id = await context.app(app)
    const { buildpacks: ids = [] } = await context.call(getSettings, { params: { id } })
    const lines = ids.length === 0 ? ['Those of the builder that detect the app'] : ids
    context.answer({ buildpacks: ids }, [`=== ${id} Buildpacks`, ...lines])
  }

  async function change(app: string | undefined, title: string, ids: string[]): Promise<void> {
    const id = await context.app(app)
    const set = (): Promise<{ buildpacks?: string[] }> =>
      context.call(setSettings, { params: { id }, body: { buildpacks: ids } })
    const { buildpacks: stored = [] } = await step(context.io, `${title} buildpacks of ${id}...`, set)
    note(context.io, atNextPush)
    context.answer({ buildpacks: stored })
  }

  return [
    new Command('buildpacks:list')
      .description('list the buildpacks that were chosen for an app')
      .addOption(appOption())
      .action(list),
    new Command('buildpacks:set')
      .description('build an app with these Cloud Native Buildpacks, from the next push on; replaces the list')
      .argument(
        '<id...>',
        'ids of buildpacks of the builder in their order, such as heroku/nodejs or heroku/nodejs@5.7.6',
      )
      .addOption(appOption())
      .action((ids: string[], { app }: AppOption) => change(app, 'Setting', ids)),
    new Command('buildpacks:unset')
      .description('let buildpacks detect the app again, from the next push on')
      .addOption(appOption())
      .action(({ app }: AppOption) => change(app, 'Unsetting', [])),
  ]
}
