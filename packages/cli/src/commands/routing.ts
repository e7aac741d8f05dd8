// Do requests from outside reach an app at all?
import { Command } from 'commander'
import { getSettings, setSettings } from '@deis/types'
import type { Context } from '../profile/context.ts'
import { type AppOption, appOption } from '../parse/options.ts'
import { step } from '../terminal/output.ts'

export function routing(context: Context): Command[] {
  async function info({ app }: AppOption): Promise<void> {
    const id = await context.app(app)
    const isOn = (await context.call(getSettings, { params: { id } })).routable ?? true
    context.answer({ routable: isOn }, [`Routing is ${isOn ? 'enabled' : 'disabled'}.`])
  }

  async function turn(app: string | undefined, isOn: boolean): Promise<void> {
    const id = await context.app(app)
    const title = `${isOn ? 'Enabling' : 'Disabling'} routing for ${id}...`
    const body = { routable: isOn }
    await step(context.io, title, () => context.call(setSettings, { params: { id }, body }))
    context.answer(body)
  }

  return [
    new Command('routing:info')
      .description('show whether requests are routed to an app')
      .addOption(appOption())
      .action(info),
    new Command('routing:enable')
      .description('route requests to an app')
      .addOption(appOption())
      .action(({ app }: AppOption) => turn(app, true)),
    new Command('routing:disable')
      .description('stop routing requests to an app')
      .addOption(appOption())
      .action(({ app }: AppOption) => turn(app, false)),
  ]
}
