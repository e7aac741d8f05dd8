// How are releases listed, shown and rolled back?
import { Command, InvalidArgumentError } from 'commander'
import { getRelease, listReleases, rollback } from '@deis/types'
import type { Context } from '../profile/context.ts'
import { type AppOption, appOption, limitOf, limitOption, type LimitOption } from '../parse/options.ts'
import { countSuffix, labelled, step } from '../terminal/output.ts'

/** `v2` or `2`. */
function releaseNumber(text: string): number {
  const [, digits] = /^v?(\d{1,9})$/.exec(text) ?? []
  if (digits === undefined) throw new InvalidArgumentError('A release looks like v2.')
  return Number(digits)
}

export function releases(context: Context): Command[] {
  const { io } = context

  async function list(options: AppOption & LimitOption): Promise<void> {
    const id = await context.app(options.app)
    const page = await context.call(listReleases, { params: { id }, query: { limit: await limitOf(context, options) } })
    const rows = page.results.map(({ version, created, summary }) => `v${version}\t${created}\t${summary}`)
    context.answer(page, [`=== ${id} Releases${countSuffix(page)}`, ...rows])
  }

  async function info(number: number, options: AppOption): Promise<void> {
    const id = await context.app(options.app)
    const release = await context.call(getRelease, { params: { id, version: `v${number}` } })
    const rows: (readonly [string, string])[] = [
      ...(release.build ? [['build', release.build] as const] : []),
      ['config', release.config],
      ['owner', release.owner],
      ['created', release.created],
      ['summary', release.summary],
      ...(release.exception ? [['failed', release.exception] as const] : []),
      ['updated', release.updated],
      ['uuid', release.uuid],
    ]
    context.answer(release, [`=== ${id} Release v${release.version}`, ...labelled(rows, 10)])
  }

  async function rollBack(number: number | undefined, options: AppOption): Promise<void> {
    const id = await context.app(options.app)
    const made = await step(
      io,
      number === undefined ? 'Rolling back one release...' : `Rolling back to v${number}...`,
      () => context.call(rollback, { params: { id }, ...(number === undefined ? {} : { body: { version: number } }) }),
      ({ version }) => `done, v${version}`,
    )
    context.answer(made)
  }

  return [
    new Command('releases:list')
      .description('list the releases of an app')
      .addOption(appOption())
      .addOption(limitOption())
      .action(list),
    new Command('releases:info')
      .description('show a release')
      .argument('<version>', 'v2 or 2', releaseNumber)
      .addOption(appOption())
      .action(info),
    new Command('releases:rollback')
      .description('roll back to an earlier release, as a new release')
      .argument('[version]', 'v2 or 2; by default the release before the current one', releaseNumber)
      .addOption(appOption())
      .action(rollBack),
  ]
}
