// What has the app run, and how does it go back?
import { Command, InvalidArgumentError } from 'commander'
import { getRelease, listReleases, rollback } from '@deis/types'
import type { Context } from '../context.ts'
import { type AppOption, appOption, limitOf, limitOption, type LimitOption } from '../options.ts'
import { countSuffix, labelled, print, step } from '../output.ts'

/** `v2` or `2`. */
function releaseNumber(text: string): number {
  const [, digits] = /^v?(\d{1,9})$/.exec(text) ?? []
  if (digits === undefined) throw new InvalidArgumentError('It looks like v2.')
  return Number(digits)
}

export function releases(context: Context): Command[] {
  const { io } = context

  async function list(options: AppOption & LimitOption): Promise<void> {
    const id = await context.app(options.app)
    const page = await context.call(listReleases, { params: { id }, query: { limit: await limitOf(context, options) } })
    print(io, `=== ${id} Releases${countSuffix(page)}`)
    for (const { version, created, summary } of page.results) print(io, `v${version}\t${created}\t${summary}`)
  }

  async function info(number: number, options: AppOption): Promise<void> {
    const id = await context.app(options.app)
    const release = await context.call(getRelease, { params: { id, version: `v${number}` } })
    print(io, `=== ${id} Release v${release.version}`)
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
    for (const line of labelled(rows, 10)) print(io, line)
  }

  async function goBack(number: number | undefined, options: AppOption): Promise<void> {
    const id = await context.app(options.app)
    await step(
      io,
      number === undefined ? 'Rolling back one release...' : `Rolling back to v${number}...`,
      () => context.call(rollback, { params: { id }, ...(number === undefined ? {} : { body: { version: number } }) }),
      ({ version }) => `done, v${version}`,
    )
  }

  return [
    new Command('releases:list')
      .description('list the releases of an app')
      .addOption(appOption())
      .addOption(limitOption())
      .action(list),
    new Command('releases:info')
      .description('show one release')
      .argument('<version>', 'v2 or 2', releaseNumber)
      .addOption(appOption())
      .action(info),
    new Command('releases:rollback')
      .description('run an earlier release again, under a new number')
      .argument('[version]', 'v2 or 2; otherwise the one before the current', releaseNumber)
      .addOption(appOption())
      .action(goBack),
  ]
}
