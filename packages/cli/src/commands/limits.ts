// How are the memory and CPU limits of an app shown and changed?
import { Command, Option } from 'commander'
import { type Config, getConfig } from '@deis/types'
import { changeConfig } from '../parse/config-part.ts'
import type { Context } from '../profile/context.ts'
import { type AppOption, appOption } from '../parse/options.ts'
import { aligned } from '../terminal/output.ts'
import { type PairRule, parsePairs, processType, removed } from '../parse/pairs.ts'

const gap = 5
const amount = '(?:[0-9]+[bkmgBKMG]{1,2}|[0-9.]+m?)'
const rule: PairRule = {
  pattern: new RegExp(`^(${processType})=(${amount}(?:/${amount})?)$`),
  looks: 'web=512M, web=256M/512M (request and limit), or with --cpu web=500m',
}

type Unit = { readonly memory?: boolean; readonly cpu?: boolean }

export function limits(context: Context): Command[] {
  /** Memory unless `--cpu` is given; `limits:unset` refuses both at once. */
  const part = ({ cpu }: Unit): 'memory' | 'cpu' => (cpu ? 'cpu' : 'memory')

  function show(id: string, { memory, cpu }: Config): void {
    const lines = (map: Readonly<Record<string, string>>): string[] =>
      Object.keys(map).length === 0 ? ['Unlimited'] : aligned(map, gap)
    context.answer({ memory, cpu }, [
      `=== ${id} Limits`,
      '',
      '--- Memory',
      ...lines(memory),
      '',
      '--- CPU',
      ...lines(cpu),
    ])
  }

  async function list(options: AppOption): Promise<void> {
    const id = await context.app(options.app)
    show(id, await context.call(getConfig, { params: { id } }))
  }

  async function set(words: string[], options: AppOption & Unit): Promise<void> {
    const wanted = parsePairs(words, rule)
    const id = await context.app(options.app)
    show(id, await changeConfig(context, id, 'Applying limits...', { [part(options)]: wanted }))
  }

  async function unset(types: string[], options: AppOption & Unit): Promise<void> {
    const id = await context.app(options.app)
    show(id, await changeConfig(context, id, 'Removing limits...', { [part(options)]: removed(types) }))
  }

  return [
    new Command('limits:list').description('show the limits of an app').addOption(appOption()).action(list),
    new Command('limits:set')
      .description('set limits per process type; creates a release')
      .argument('<type=limit...>', 'limits to set, such as web=512M, or web=256M/512M for request and limit')
      .addOption(appOption())
      .option('-m, --memory', 'set memory limits, in B, K, M or G (the default)')
      .option('--cpu', 'set CPU limits, in cores (0.5) or thousandths of a core (500m)')
      .action(set),
    new Command('limits:unset')
      .description('remove limits of process types; creates a release')
      .argument('<type...>', 'process types')
      .addOption(appOption())
      .addOption(new Option('-m, --memory', 'remove memory limits (the default)').conflicts('cpu'))
      .option('--cpu', 'remove CPU limits')
      .action(unset),
  ]
}
