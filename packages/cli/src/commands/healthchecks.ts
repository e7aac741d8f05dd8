// How is it known that a process of an app works?
import { Argument, Command, Option } from 'commander'
import { type Config, DeisError, getConfig } from '@deis/types'
import { changeConfig } from '../parse/config-part.ts'
import type { Context } from '../profile/context.ts'
import { type AppOption, appOption, integer } from '../parse/options.ts'
import { removed } from '../parse/pairs.ts'
import { checkLines, checkTypes, type HealthCheck, type HealthType, probeTypes } from './healthchecks/shape.ts'
import { probe, type ProbeOptions, type ProbeType } from './healthchecks/probe.ts'

/** The controller falls back to this key for the types `web` and `cmd`. */
const usualType = 'web/cmd'

type TypeOption = AppOption & { readonly type?: string }

export function healthchecks(context: Context): Command[] {
  function show(id: string, { healthcheck }: Config, only: string | undefined): void {
    const all = healthcheck as Readonly<Record<string, HealthCheck>>
    const types = only === undefined ? Object.keys(all).toSorted() : [only]
    const sections = types.map((type) => [`${type}:`, ...checkLines(all[type] ?? {})])
    context.answer(only === undefined ? all : { [only]: all[only] ?? {} }, [
      `=== ${id} Healthchecks`,
      '',
      ...(types.length === 0
        ? ['No health checks configured.']
        : sections.flatMap((lines, at) => (at === 0 ? lines : ['', ...lines]))),
    ])
  }

  async function list({ app, type }: TypeOption): Promise<void> {
    const id = await context.app(app)
    show(id, await context.call(getConfig, { params: { id } }), type)
  }

  async function set(
    health: HealthType,
    kind: ProbeType,
    words: string[],
    options: TypeOption & ProbeOptions,
  ): Promise<void> {
    const { type = usualType } = options
    const key = checkTypes[health]
    const healthcheck = { [type]: { [key]: probe(kind, words, options) } }
    const id = await context.app(options.app)
    show(id, await changeConfig(context, id, `Applying ${key} healthcheck...`, { healthcheck }), type)
  }

  async function unset(wanted: string[], { app, type = usualType }: TypeOption): Promise<void> {
    const keys = wanted.map((word) => {
      if (word === 'liveness' || word === 'readiness') return checkTypes[word]
      throw new DeisError('usage', `${word} is no kind of health check.`, { hint: 'There are liveness and readiness.' })
    })
    const id = await context.app(app)
    const healthcheck = { [type]: removed(keys) }
    show(id, await changeConfig(context, id, 'Removing healthchecks...', { healthcheck }), type)
  }

  const number = (flags: string, text: string, usual: number): Option =>
    new Option(flags, text).argParser(integer).default(usual)

  return [
    new Command('healthchecks:list')
      .description('show the health checks of an app')
      .addOption(appOption())
      .option('--type <type>', 'those of one process type')
      .action(list),
    new Command('healthchecks:set')
      .description('set a health check; makes a release')
      .usage('[options] <health-type> <probe-type> [--] <args...>')
      .addArgument(
        new Argument('<health-type>', 'liveness restarts a process, readiness sends it requests').choices(
          Object.keys(checkTypes),
        ),
      )
      .addArgument(new Argument('<probe-type>', 'what is tried').choices(probeTypes))
      .argument('<args...>', 'the port for httpGet and tcpSocket, the command for exec')
      .addOption(appOption())
      .option('-p, --path <path>', 'path that httpGet asks for', '/')
      .option('--type <type>', `process type that is checked; otherwise ${usualType}`)
      .option('--headers <headers>', 'headers that httpGet sends, such as Host:example.com,X-Probe:1')
      .addOption(number('--initial-delay-timeout <seconds>', 'seconds before the first check', 50))
      .addOption(number('--timeout-seconds <seconds>', 'seconds until a check has failed', 50))
      .addOption(number('--period-seconds <seconds>', 'seconds from check to check', 10))
      .addOption(number('--success-threshold <count>', 'successes in a row that make it healthy', 1))
      .addOption(number('--failure-threshold <count>', 'failures in a row that make it unhealthy', 3))
      .action(set),
    new Command('healthchecks:unset')
      .description('remove health checks; makes a release')
      .argument('<health-type...>', 'liveness, readiness or both')
      .addOption(appOption())
      .option('--type <type>', `process type; otherwise ${usualType}`)
      .action(unset),
  ]
}
