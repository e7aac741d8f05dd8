// How are processes scaled by load?
import { Command, Option } from 'commander'
import { type AutoscaleRule, getSettings, setSettings } from '@deis/types'
import type { Context } from '../profile/context.ts'
import { type AppOption, appOption, integer } from '../parse/options.ts'
import { step } from '../terminal/output.ts'
import { removed } from '../parse/pairs.ts'

type RuleOptions = { readonly min: number; readonly max: number; readonly cpuPercent: number }

function ruleLines([type, { min, max, cpu_percent }]: readonly [string, AutoscaleRule]): string[] {
  return [`--- ${type}:`, `Min Replicas: ${min}`, `Max Replicas: ${max}`, `CPU: ${cpu_percent}%`]
}

export function autoscale(context: Context): Command[] {
  async function list({ app }: AppOption): Promise<void> {
    const id = await context.app(app)
    const settings = await context.call(getSettings, { params: { id } })
    // Other controllers omit it until something is set.
    const rules = Object.entries((settings.autoscale as typeof settings.autoscale | null | undefined) ?? {})
    const sorted = rules.toSorted(([a], [b]) => (a < b ? -1 : 1))
    context.answer(Object.fromEntries(rules), [
      `=== ${id} Autoscale`,
      '',
      ...(sorted.length === 0 ? ['No autoscale rules found.'] : sorted.flatMap(ruleLines)),
    ])
  }

  async function change(id: string, title: string, rules: Record<string, AutoscaleRule | null>): Promise<void> {
    const body = { autoscale: rules }
    const settings = await step(context.io, title, () => context.call(setSettings, { params: { id }, body }))
    context.answer(settings.autoscale)
  }

  async function set(type: string, { app, min, max, cpuPercent }: AppOption & RuleOptions): Promise<void> {
    const id = await context.app(app)
    await change(id, `Applying autoscale settings for process type ${type} on ${id}...`, {
      [type]: { min, max, cpu_percent: cpuPercent },
    })
  }

  async function unset(types: string[], { app }: AppOption): Promise<void> {
    const id = await context.app(app)
    await change(id, `Removing autoscale for process type ${types.join(', ')} on ${id}...`, removed(types))
  }

  const number = (flags: string, text: string): Option =>
    new Option(flags, text).argParser(integer).makeOptionMandatory()

  return [
    new Command('autoscale:list').description('show the autoscale rules of an app').addOption(appOption()).action(list),
    new Command('autoscale:set')
      .description('scale a process type by load')
      .argument('<process-type>', 'such as web')
      .addOption(appOption())
      .addOption(number('--min <num>', 'minimum number of processes'))
      .addOption(number('--max <num>', 'maximum number of processes'))
      .addOption(number('--cpu-percent <num>', 'average CPU use to aim for, in percent'))
      .action(set),
    new Command('autoscale:unset')
      .description('stop scaling process types by load')
      .argument('<process-type...>', 'such as web')
      .addOption(appOption())
      .action(unset),
  ]
}
