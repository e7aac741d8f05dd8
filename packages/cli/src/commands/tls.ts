// Does an app accept HTTPS only?
import { Command } from 'commander'
import { getTls, setTls } from '@deis/types'
import type { Context } from '../profile/context.ts'
import { type AppOption, appOption } from '../parse/options.ts'
import { step } from '../terminal/output.ts'

export function tls(context: Context): Command[] {
  async function info({ app }: AppOption): Promise<void> {
    const id = await context.app(app)
    const settings = await context.call(getTls, { params: { id } })
    context.answer(settings, [`=== ${id} TLS`, `HTTPS Enforced: ${settings.https_enforced ?? 'not set'}`])
  }

  async function turn(app: string | undefined, isOn: boolean): Promise<void> {
    const id = await context.app(app)
    const title = `${isOn ? 'Enabling' : 'Disabling'} https-only requests for ${id}...`
    const body = { https_enforced: isOn }
    context.answer(await step(context.io, title, () => context.call(setTls, { params: { id }, body })))
  }

  return [
    new Command('tls:info').description('show whether HTTPS is enforced').addOption(appOption()).action(info),
    new Command('tls:enable')
      .description('enforce HTTPS: redirect plain HTTP requests')
      .addOption(appOption())
      .action(({ app }: AppOption) => turn(app, true)),
    new Command('tls:disable')
      .description('accept plain HTTP requests too')
      .addOption(appOption())
      .action(({ app }: AppOption) => turn(app, false)),
  ]
}
