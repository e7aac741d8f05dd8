// How are apps made, shown, used, handed over and destroyed?
import { Command } from 'commander'
import { DeisError, getLogs, listApps, runCommand, updateApp } from '@deis/types'
import type { Context } from '../context.ts'
import { type AppOption, appOption, integer, limitOf, limitOption, type LimitOption, remoteOption } from '../options.ts'
import { countSuffix, print, spin, step } from '../output.ts'
import { create, type CreateOptions } from './apps/create.ts'
import { destroy } from './apps/destroy.ts'
import { info, open } from './apps/info.ts'

const noLogs = (id: string): string =>
  [
    'There are currently no log messages. Please check the following things:',
    `1) The app was deployed: deis builds:list --all -a ${id}`,
    `2) Its processes run and print something: deis ps -a ${id}`,
    '3) The logger of the platform works: deis doctor',
  ].join('\n')

/** Failures that are not about logs are told as they are. */
const ownFailures = new Set(['unauthenticated', 'forbidden', 'not_found', 'unreachable', 'usage'])

export function apps(context: Context): Command[] {
  const { io } = context

  async function list(options: LimitOption): Promise<void> {
    const page = await context.call(listApps, { query: { limit: await limitOf(context, options) } })
    context.answer(page, [`=== Apps${countSuffix(page)}`, ...page.results.map(({ id }) => id)])
  }

  async function logs({ app, lines = 0 }: AppOption & { lines?: number }): Promise<void> {
    const id = await context.app(app)
    const query = lines > 0 ? { log_lines: String(lines) } : {}
    const text = await context.call(getLogs, { params: { id }, query }).catch((error: unknown) => {
      if (error instanceof DeisError && !ownFailures.has(error.code))
        throw new DeisError(error.code, noLogs(id), { hint: `The controller says: ${error.message}`, cause: error })
      throw error
    })
    if (text.length < 3) throw new DeisError('not_found', noLogs(id))
    const isColoured = io.isTty.stdout && !io.env['NO_COLOR']
    context.answer(text, isColoured ? (await import('../logs.ts')).colouredLog(text) : text)
  }

  async function runOnce(words: string[], { app }: AppOption): Promise<void> {
    const id = await context.app(app)
    const command = words.join(' ')
    print(io, `Running '${command}'...`)
    const result = await spin(io, () => context.call(runCommand, { params: { id }, body: { command } }))
    const { exit_code, output } = result
    context.answer(result, exit_code === 0 ? output : '')
    if (exit_code !== 0 && !context.json) io.stderr.write(output)
    context.exitCode = exit_code
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
      .argument('[id]', 'its name; otherwise the controller invents one')
      .option('--no-remote', 'do not add a git remote')
      .option('-b, --buildpack <url>', 'build it with this buildpack')
      .addOption(remoteOption())
      .action((id: string | undefined, options: CreateOptions) => create(context, id, options)),
    new Command('apps:list').description('list the apps one may use').addOption(limitOption()).action(list),
    new Command('apps:info')
      .description('show an app with its processes, domains and labels')
      .addOption(appOption())
      .action(async ({ app }: AppOption) => info(context, await context.app(app))),
    new Command('apps:open')
      .description('open an app in the browser')
      .addOption(appOption())
      .action(async ({ app }: AppOption) => open(context, await context.app(app))),
    new Command('apps:logs')
      .description('show what an app and the controller said lately')
      .addOption(appOption())
      .option('-n, --lines <lines>', 'how many lines', integer)
      .action(logs),
    new Command('apps:run')
      .description('run a command in the current release, and end with its exit code')
      .argument('<command...>', 'put -- before it if it has options of its own')
      .usage('[options] [--] <command...>')
      .addOption(appOption())
      .action(runOnce),
    new Command('apps:destroy')
      .description('destroy an app with everything of it')
      .addOption(appOption())
      .option('--confirm <app>', 'its name, instead of being asked')
      .action((options: AppOption & { confirm?: string }) => destroy(context, options)),
    new Command('apps:transfer')
      .description('hand an app over to another owner')
      .argument('<username>', 'the new owner')
      .addOption(appOption())
      .action(transfer),
  ]
}
