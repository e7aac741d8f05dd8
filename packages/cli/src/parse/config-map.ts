// Which commands manage a map of strings in the config of an app (tags, registry)?
import { Command } from 'commander'
import { type Config, getConfig } from '@deis/types'
import { changeConfig } from './config-part.ts'
import type { Context } from '../profile/context.ts'
import { type AppOption, appOption } from './options.ts'
import { aligned } from '../terminal/output.ts'
import { type PairRule, parsePairs, removed } from './pairs.ts'

const gap = 5
/** Does not show the length of the value. */
const mask = '********'

export type ConfigMap = {
  readonly name: 'tags' | 'registry'
  readonly heading: string
  /** Its name in sentences. */
  readonly noun: string
  readonly rule: PairRule
  readonly example: string
  readonly keys: string
  /** Keys whose values are masked; `--json` has them. */
  readonly secret?: readonly string[]
}

export function configMapCommands(context: Context, map: ConfigMap): Command[] {
  const { name, noun } = map

  function show(id: string, config: Config): void {
    const shown = Object.fromEntries(
      Object.entries(config[name]).map(([key, value]) => [key, map.secret?.includes(key) ? mask : value]),
    )
    context.answer(config[name], [`=== ${id} ${map.heading}`, ...aligned(shown, gap)])
  }

  async function list(options: AppOption): Promise<void> {
    const id = await context.app(options.app)
    show(id, await context.call(getConfig, { params: { id } }))
  }

  async function set(words: string[], options: AppOption): Promise<void> {
    const pairs = parsePairs(words, map.rule)
    const id = await context.app(options.app)
    show(id, await changeConfig(context, id, `Applying ${noun}...`, { [name]: pairs }))
  }

  async function unset(keys: string[], options: AppOption): Promise<void> {
    const id = await context.app(options.app)
    show(id, await changeConfig(context, id, `Removing ${noun}...`, { [name]: removed(keys) }))
  }

  return [
    new Command(`${name}:list`).description(`list the ${noun} of an app`).addOption(appOption()).action(list),
    new Command(`${name}:set`)
      .description(`set ${noun}; creates a release`)
      .argument('<key=value...>', map.example)
      .addOption(appOption())
      .action(set),
    new Command(`${name}:unset`)
      .description(`remove ${noun}; creates a release`)
      .argument('<key...>', map.keys)
      .addOption(appOption())
      .action(unset),
  ]
}
