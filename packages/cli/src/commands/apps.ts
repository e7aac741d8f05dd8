// How are apps created, shown, used, transferred and destroyed?
import { Command } from 'commander'
import { listApps, updateApp } from '@deis/types'
import type { Context } from '../profile/context.ts'
import { type AppOption, appOption, limitOf, limitOption, type LimitOption, remoteOption } from '../parse/options.ts'
import { countSuffix, step } from '../terminal/output.ts'
import { create, type CreateOptions } from './apps/create.ts'
import { destroy } from './apps/destroy.ts'
import { exportCommand, importCommand } from './apps/move.ts'
import { info, open, openPlatform } from './apps/info.ts'
import { logsCommand } from './apps/logs.ts'
import { rename } from './apps/rename.ts'
import { run } from './apps/run.ts'

export function apps(context: Context): Command[] {
  const { io } = context

  async function list(options: LimitOption): Promise<void> {
    const page = await context.call(listApps, { query: { limit: await limitOf(context, options) } })
    context.answer(page, [`=== Apps${countSuffix(page)}`, ...page.results.map(({ id }) => id)])
  }

  async function transfer(owner: string, { app }: AppOption): Promise<void> {
    const id = await context.app(app)
    await step(io, `Transferring ${id} to ${owner}...`, () =>
      context.call(updateApp, { params: { id }, body: { owner } }),
    )
  }

  return [
    new Command('apps:create')
      .description('create an app')
      .argument('[id]', 'name of the app; by default the controller chooses one')
      .option('--no-remote', 'do not add a git remote')
      .option('-b, --buildpack <url>', 'URL of the buildpack to build the app with')
      .addOption(remoteOption())
      .action((id: string | undefined, options: CreateOptions) => create(context, id, options)),
    new Command('apps:list').description('list the apps that you may use').addOption(limitOption()).action(list),
    new Command('apps:info')
      .description('show an app with its processes, domains and labels')
      .addOption(appOption())
      .action(async ({ app }: AppOption) => info(context, await context.app(app))),
    new Command('apps:open')
      .description('open an app in the browser')
      .addOption(appOption().conflicts('platform'))
      .option('--platform', 'open the page of the platform instead')
      .action(async ({ app, platform }: AppOption & { platform?: boolean }) =>
        platform ? openPlatform(context) : open(context, await context.app(app)),
      ),
    logsCommand(context),
    run(context),
    new Command('apps:destroy')
      .description('destroy an app and everything that belongs to it')
      .addOption(appOption())
      .option('--confirm <app>', 'name of the app, to destroy it without a question')
      .action((options: AppOption & { confirm?: string }) => destroy(context, options)),
    exportCommand(context),
    importCommand(context),
    new Command('apps:rename')
      .description('give an app another name, and so another address and git remote')
      .argument('<name>', 'new name of the app')
      .addOption(appOption())
      .action((name: string, options: AppOption) => rename(context, name, options)),
    new Command('apps:transfer')
      .description('transfer an app to another owner')
      .argument('<username>', 'name of the new owner')
      .addOption(appOption())
      .action(transfer),
  ]
}
