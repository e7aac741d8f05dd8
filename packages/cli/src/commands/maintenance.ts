// Is an app in maintenance mode?
import { Command } from 'commander'
import { getSettings, setSettings } from '@deis/types'
import type { Context } from '../profile/context.ts'
import { type AppOption, appOption } from '../parse/options.ts'
import { step } from '../terminal/output.ts'

export function maintenance(context: Context): Command[] {
  async function info({ app }: AppOption): Promise<void> {
    const id = await context.app(app)
    const isOn = (await context.call(getSettings, { params: { id } })).maintenance ?? false
    context.answer({ maintenance: isOn }, [`Maintenance mode is ${isOn ? 'on' : 'off'}.`])
  }

  async function turn(app: string | undefined, isOn: boolean): Promise<void> {
    const id = await context.app(app)
    const title = `${isOn ? 'Enabling' : 'Disabling'} maintenance mode for ${id}...`
    const body = { maintenance: isOn }
    await step(context.io, title, () => context.call(setSettings, { params: { id }, body }))
    context.answer(body)
  }

  return [
    new Command('maintenance:info')
      .description('show whether maintenance mode is on')
      .addOption(appOption())
      .action(info),
    new Command('maintenance:on')
      .description('turn maintenance mode on: every request gets a maintenance page')
      .addOption(appOption())
      .action(({ app }: AppOption) => turn(app, true)),
    new Command('maintenance:off')
      .description('turn maintenance mode off')
      .addOption(appOption())
      .action(({ app }: AppOption) => turn(app, false)),
  ]
}
