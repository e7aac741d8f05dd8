// How are builds listed, shown and cancelled, and an image deployed?
import { join } from 'node:path'
import { Command, Option } from 'commander'
import { buildOutcome, createBuild, DeisError, getBuildLog, listBuilds, sbomFormats } from '@deis/types'
import type { Context } from '../profile/context.ts'
import { readTextIfAny } from '../profile/files.ts'
import type { Io } from '../terminal/io.ts'
import { type AppOption, appOption, limitOf, limitOption, type LimitOption } from '../parse/options.ts'
import { countSuffix, note, step } from '../terminal/output.ts'
import { cancel } from './builds/cancel.ts'

/** A flat map in YAML; every scalar is a string, also `8080` and `yes`. */
export async function parseProcfile(text: string, source: string): Promise<Record<string, string>> {
  const { parseYaml } = await import('../parse/yaml.ts')
  const refuse = (why: string): DeisError =>
    new DeisError('usage', `${source} is not a valid Procfile: ${why}`, {
      hint: 'A Procfile has lines such as `web: npm start`.',
    })
  let value: unknown
  try {
    value = parseYaml(text, { schema: 'failsafe' })
  } catch (error) {
    throw refuse((error as Error).message.trim())
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refuse('it must have a command for each process type.')
  for (const [type, command] of Object.entries(value))
    if (typeof command !== 'string' || command === '') throw refuse(`the command of "${type}" must be text.`)
  return value as Record<string, string>
}

async function procfileOf(io: Io, given: string | undefined): Promise<Record<string, string> | undefined> {
  if (given !== undefined) return parseProcfile(given, '--procfile')
  const text = readTextIfAny(join(io.cwd, 'Procfile'), 'Procfile')
  if (text === null) return undefined
  // Otherwise the Procfile of an unrelated checkout may be used unnoticed.
  note(io, 'Using the Procfile of this folder.')
  return parseProcfile(text, 'Procfile')
}

export function builds(context: Context): Command[] {
  const { io } = context

  async function list(options: AppOption & LimitOption & { all?: boolean }): Promise<void> {
    const id = await context.app(options.app)
    const limit = await limitOf(context, options)
    const page = await context.call(listBuilds, {
      params: { id },
      query: options.all ? { all: '1', limit } : { limit },
    })
    const rows = page.results.map((build) => {
      const { uuid, created, status } = build
      const outcome = buildOutcome(build)
      const isShown = options.all ? status !== undefined : status === 'succeeded' && outcome !== status
      return `${uuid} ${created}${isShown ? ` ${outcome}` : ''}`
    })
    context.answer(page, [`=== ${id} Builds${countSuffix(page)}`, ...rows])
  }

  async function create(image: string, options: AppOption & { procfile?: string }): Promise<void> {
    const id = await context.app(options.app)
    const procfile = await procfileOf(io, options.procfile)
    const build = await step(io, 'Creating build...', () =>
      context.call(createBuild, { params: { id }, body: procfile ? { image, procfile } : { image } }),
    )
    context.answer(build)
  }

  async function logs(given: string | undefined, options: AppOption & { follow?: boolean }): Promise<void> {
    const id = await context.app(options.app)
    const newest = async (): Promise<string> => {
      const { results } = await context.call(listBuilds, { params: { id }, query: { all: '1', limit: '1' } })
      if (results[0]) return results[0].uuid
      throw new DeisError('not_found', `"${id}" has no builds yet.`, { hint: 'Deploy with `git push deis master`.' })
    }
    const uuid = given ?? (await newest())
    if (options.follow) return (await import('./builds/watch.ts')).watch(context, id, uuid)
    const log = await context.call(getBuildLog, { params: { id, uuid } })
    context.answer(log, log)
  }

  return [
    new Command('builds:list')
      .description('list the builds of an app')
      .addOption(appOption())
      .addOption(limitOption())
      .option('--all', 'include failed and unfinished builds, with what became of each')
      .action(list),
    new Command('builds:create')
      .description('deploy an existing image')
      .argument('<image>', 'image to deploy, such as registry.example.com/shop:1.2')
      .addOption(appOption())
      .option(
        '-p, --procfile <yaml>',
        'process types as YAML text; by default the Procfile of this folder, if there is one',
      )
      .action(create),
    new Command('builds:info')
      .description('show how an app was built')
      .argument('[uuid]', 'UUID from `deis builds:list --all`; by default the build that runs')
      .addOption(appOption())
      .action(async (uuid: string | undefined, { app }: AppOption) =>
        (await import('./builds/info.ts')).info(context, await context.app(app), uuid),
      ),
    new Command('builds:sbom')
      .description('show what the image of a build consists of, as its buildpacks list it')
      .argument('[uuid]', 'UUID from `deis builds:list`; by default the build that runs')
      .addOption(appOption())
      .addOption(
        new Option('--format <format>', 'format of the list').choices([...sbomFormats]).default(sbomFormats[0]),
      )
      .action(async (uuid: string | undefined, { app, format }: AppOption & { format: string }) =>
        (await import('./builds/sbom.ts')).sbom(context, await context.app(app), uuid, format),
      ),
    new Command('builds:logs')
      .description('show the output of a build')
      .argument('[uuid]', 'UUID from `deis builds:list --all`; by default the newest build')
      .addOption(appOption())
      .option('-f, --follow', 'follow until build and deploy have ended; the exit code is 0 if both succeeded')
      .action(logs),
    new Command('builds:cancel')
      .description('cancel a running build; its push is declined, and nothing is changed')
      .argument('[uuid]', 'UUID from `deis builds:list --all`; by default the running build')
      .addOption(appOption())
      .action(async (uuid: string | undefined, { app }: AppOption) => cancel(context, await context.app(app), uuid)),
  ]
}
