// How does an app get a newer run image under its layers, without a build?
import { Command } from 'commander'
import { DeisError, listApps, rebaseApp, type Response, whoami } from '@deis/types'
import type { Context } from '../profile/context.ts'
import { type AppOption, appOption } from '../parse/options.ts'
import { note, print, step } from '../terminal/output.ts'

type Answer = Response<typeof rebaseApp>
type Options = AppOption & { readonly runImage?: string; readonly all?: boolean }

const pageSize = 100

function lineOf(app: string, { rebased, run_reference, version }: Answer): string {
  return rebased ? `${app}: v${version} runs on ${run_reference}` : `${app}: on the newest run image already`
}

async function* allApps(context: Context): AsyncGenerator<string> {
  for (let offset = 0; ;) {
    const { results, next } = await context.call(listApps, {
      query: { limit: String(pageSize), offset: String(offset) },
    })
    for (const { id } of results) yield id
    offset += results.length
    if (next === null || results.length === 0) return
  }
}

type Outcome = { readonly app: string } & Partial<Answer> & { readonly error?: string; readonly skipped?: boolean }

async function rebaseOne(context: Context, app: string): Promise<Outcome> {
  try {
    const answer = await context.call(rebaseApp, { params: { id: app }, body: {} })
    print(context.io, lineOf(app, answer))
    return { app, ...answer }
  } catch (error) {
    if (!(error instanceof DeisError)) throw error
    // Built in another way, or deleted meanwhile.
    if (error.code === 'unprocessable' || error.code === 'not_found') return { app, skipped: true }
    // The next one would fail as well.
    if (error.code === 'unreachable' || error.code === 'unauthenticated') throw error
    note(context.io, `${app}: ${error.message}`)
    return { app, error: error.message }
  }
}

async function rebaseAll(context: Context): Promise<void> {
  const { is_superuser: isAdmin } = await context.call(whoami)
  if (!isAdmin)
    throw new DeisError('forbidden', 'Only admins can change the run images of all apps.', {
      hint: 'For one app, use `deis rebase --app <app>`.',
    })
  const outcomes: Outcome[] = []
  // One after the other: every app is deployed, and one failure is seen before all apps have it.
  for await (const app of allApps(context)) outcomes.push(await rebaseOne(context, app))
  const count = (is: (one: Outcome) => boolean): number => outcomes.filter(is).length
  const failed = count(({ error }) => error !== undefined)
  const skipped = count((one) => one.skipped === true)
  const rebased = count((one) => one.rebased === true)
  const current = outcomes.length - failed - skipped - rebased
  context.answer(outcomes, [
    `${rebased} rebased, ${current} current, ${skipped} not built by Cloud Native Buildpacks, ${failed} failed`,
  ])
  if (failed > 0) context.exitCode = 1
}

export function rebase(context: Context): Command[] {
  async function run({ app, runImage, all }: Options): Promise<void> {
    if (all && (app !== undefined || runImage !== undefined))
      throw new DeisError('usage', '--all cannot be combined with --app or --run-image.')
    if (all) return rebaseAll(context)
    const id = await context.app(app)
    const answer = await step(
      context.io,
      `Rebasing ${id}...`,
      () => context.call(rebaseApp, { params: { id }, body: runImage === undefined ? {} : { run_image: runImage } }),
      ({ rebased, version }) => (rebased ? `done, v${version}` : 'nothing to do'),
    )
    context.answer(answer, [lineOf(id, answer)])
  }

  return [
    new Command('rebase')
      .description('put the newest run image under the layers of an app, as a new release, without a build')
      .addOption(appOption())
      .option('--run-image <image>', 'another run image; by default the newest of the one that the app was built on')
      .option('--all', 'all apps that Cloud Native Buildpacks built, one after the other; admins only')
      .action(run),
  ]
}
