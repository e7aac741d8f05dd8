// Does an app accept HTTPS only, and are browsers told so?
import { Command, InvalidArgumentError, Option } from 'commander'
import { getTls, longestHsts, setTls } from '@deis/types'
import type { Context } from '../profile/context.ts'
import { type AppOption, appOption } from '../parse/options.ts'
import { note, step } from '../terminal/output.ts'

/** 0: browsers are not told. */
function maxAge(text: string): number {
  if (text === 'off') return 0
  const seconds = /^\d{1,10}$/.test(text) ? Number(text) : Infinity
  if (seconds > longestHsts) throw new InvalidArgumentError(`It must be off, or seconds from 0 to ${longestHsts}.`)
  return seconds
}

export function tls(context: Context): Command[] {
  async function info({ app }: AppOption): Promise<void> {
    const id = await context.app(app)
    const settings = await context.call(getTls, { params: { id } })
    const { https_enforced: enforced, hsts } = settings
    context.answer(settings, [
      `=== ${id} TLS`,
      `HTTPS Enforced: ${enforced ?? 'not set'}`,
      ...(typeof hsts === 'number' ? [`HSTS: max-age=${hsts}`] : []),
    ])
  }

  async function turn(app: string | undefined, isOn: boolean): Promise<void> {
    const id = await context.app(app)
    const title = `${isOn ? 'Enabling' : 'Disabling'} https-only requests for ${id}...`
    const body = { https_enforced: isOn }
    context.answer(await step(context.io, title, () => context.call(setTls, { params: { id }, body })))
  }

  async function hsts({ app, maxAge: seconds }: AppOption & { readonly maxAge: number }): Promise<void> {
    const id = await context.app(app)
    const title = seconds === 0 ? `Turning HSTS of ${id} off...` : `Setting HSTS of ${id} to max-age=${seconds}...`
    const body = { hsts: seconds === 0 ? null : seconds }
    const settings = await step(context.io, title, () => context.call(setTls, { params: { id }, body }))
    note(
      context.io,
      seconds === 0
        ? 'Browsers are no longer told. Those that were told use HTTPS only until the seconds that they were told are over.'
        : `Browsers keep it: after an answer over HTTPS they use HTTPS only for the next ${seconds} seconds, even when you turn this off.`,
    )
    context.answer(settings)
  }

  return [
    new Command('tls:info')
      .description('show whether HTTPS is enforced, and what browsers are told')
      .addOption(appOption())
      .action(info),
    new Command('tls:enable')
      .description('enforce HTTPS: redirect plain HTTP requests')
      .addOption(appOption())
      .action(({ app }: AppOption) => turn(app, true)),
    new Command('tls:disable')
      .description('accept plain HTTP requests too')
      .addOption(appOption())
      .action(({ app }: AppOption) => turn(app, false)),
    new Command('tls:hsts')
      .description(
        'tell browsers to use HTTPS only for some time (Strict-Transport-Security); they keep it even when it is turned off',
      )
      .addOption(appOption())
      .addOption(
        new Option('--max-age <seconds>', `for how long after an answer over HTTPS, up to ${longestHsts}; or off`)
          .argParser(maxAge)
          .makeOptionMandatory(),
      )
      .action(hsts),
  ]
}
