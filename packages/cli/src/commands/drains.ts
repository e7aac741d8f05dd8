// Where are the log lines of an app sent?
import { Command } from 'commander'
import { addDrain, listDrains, removeDrain, testDrain } from '@deis/types'
import type { Context } from '../profile/context.ts'
import { type AppOption, appOption } from '../parse/options.ts'
import { step } from '../terminal/output.ts'

export function drains(context: Context): Command[] {
  const { io } = context

  async function list(options: AppOption): Promise<void> {
    const id = await context.app(options.app)
    const page = await context.call(listDrains, { params: { id }, query: {} })
    const rows = page.results.map(({ uuid, url, state, dropped, error }) => {
      const lost = dropped > 0 ? [`${dropped} lines dropped`] : []
      return [uuid, url, state, ...lost, ...(error === null ? [] : [error])].join('\t')
    })
    context.answer(page, [`=== ${id} Drains`, ...rows])
  }

  async function add(url: string, options: AppOption): Promise<void> {
    const id = await context.app(options.app)
    const made = await step(
      io,
      `Adding a drain to ${id}...`,
      () => context.call(addDrain, { params: { id }, body: { url } }),
      ({ uuid, url: shown }) => `done, ${uuid} sends to ${shown}`,
    )
    context.answer(made)
  }

  async function remove(uuid: string, options: AppOption): Promise<void> {
    const id = await context.app(options.app)
    await step(io, `Removing drain ${uuid} from ${id}...`, () => context.call(removeDrain, { params: { id, uuid } }))
  }

  async function test(uuid: string, options: AppOption): Promise<void> {
    const id = await context.app(options.app)
    const sent = await step(io, `Sending a line to drain ${uuid}...`, () =>
      context.call(testDrain, { params: { id, uuid } }),
    )
    context.answer(sent)
  }

  const which = 'the drain, as deis drains lists it'
  return [
    new Command('drains:list')
      .description('list where the log lines of an app are sent')
      .addOption(appOption())
      .action(list),
    new Command('drains:add')
      .description('send the log lines of an app to a syslog or HTTPS server')
      .argument('<url>', 'syslog+tls://host:port, syslog://host:port or https://host/path')
      .addOption(appOption())
      .action(add),
    new Command('drains:remove')
      .description('send no more log lines to a server')
      .argument('<drain>', which)
      .addOption(appOption())
      .action(remove),
    new Command('drains:test')
      .description('send one line to a server now, and say whether that works')
      .argument('<drain>', which)
      .addOption(appOption())
      .action(test),
  ]
}
