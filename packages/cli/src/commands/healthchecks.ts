// How are health checks shown and changed?
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
      throw new DeisError('usage', `"${word}" is not a health check.`, { hint: 'Use liveness or readiness.' })
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
      .option('--type <type>', 'show only this process type')
      .action(list),
    new Command('healthchecks:set')
      .description('set a health check; creates a release')
      .usage('[options] <health-type> <probe-type> [--] <args...>')
      .addArgument(
        new Argument(
          '<health-type>',
          'liveness: restart the process if it fails; readiness: send no requests while it fails',
        ).choices(Object.keys(checkTypes)),
      )
      .addArgument(new Argument('<probe-type>', 'kind of probe').choices(probeTypes))
      .argument('<args...>', 'port for httpGet and tcpSocket, command for exec')
      .addOption(appOption())
      .option('-p, --path <path>', 'path that httpGet requests', '/')
      .option('--type <type>', `process type to check; by default ${usualType}`)
      .option('--headers <headers>', 'headers that httpGet sends, such as Host:example.com,X-Probe:1')
      .addOption(number('--initial-delay-timeout <seconds>', 'seconds before the first check', 50))
      .addOption(number('--timeout-seconds <seconds>', 'seconds after which a check fails', 50))
      .addOption(number('--period-seconds <seconds>', 'seconds between checks', 10))
      .addOption(number('--success-threshold <count>', 'successes in a row until the process is healthy', 1))
      .addOption(number('--failure-threshold <count>', 'failures in a row until the process is unhealthy', 3))
      .action(set),
    new Command('healthchecks:unset')
      .description('remove health checks; creates a release')
      .argument('<health-type...>', 'liveness, readiness or both')
      .addOption(appOption())
      .option('--type <type>', `process type; by default ${usualType}`)
      .action(unset),
  ]
}
