// What are all commands, as data for the documentation and shell completion?
import { Option } from 'commander'
import { commonOptions } from '../parse/common.ts'
import type { Context } from '../profile/context.ts'
import { loadAll } from '../program.ts'
import { shortcuts, topics } from './topics.ts'

export type OptionData = {
  readonly short: string | undefined
  readonly long: string
  /** `-a, --app <app>` */
  readonly term: string
  readonly description: string
  readonly takesValue: boolean
}

export type CommandData = {
  readonly name: string
  readonly summary: string
  /** `deis apps:create [options] [id]` */
  readonly usage: string
  /** Other words that run it: its topic alone, and shortcuts. */
  readonly shortcuts: readonly string[]
  readonly arguments: readonly { readonly term: string; readonly description: string }[]
  /** The possible values of an argument, if they are limited. */
  readonly choices: readonly string[]
  readonly options: readonly OptionData[]
}

export type TopicData = {
  readonly name: string
  readonly summary: string
  readonly commands: readonly CommandData[]
}

/** The options of every command, which no command lists itself. */
export const everywhere: readonly OptionData[] = [
  ...commonOptions,
  ['-h, --help', 'show help for the command'] as const,
].map(([term, description]) => {
  const { short, long = '', required } = new Option(term, description)
  return { short, long, term, description, takesValue: required }
})

function shortcutsOf(name: string): string[] {
  const [topic = ''] = name.split(':')
  const runsAlone = `${topic}:${topics[topic]?.alone}` === name
  const others = Object.keys(shortcuts).filter((word) => shortcuts[word] === name)
  return [...(runsAlone ? [topic] : []), ...others.toSorted()]
}

export async function definitions(context: Context): Promise<TopicData[]> {
  const { byTopic } = await loadAll(context)
  return byTopic.map(([name, commands]) => ({
    name,
    summary: topics[name]?.summary ?? '',
    commands: commands.map((command) => {
      const help = command.createHelp()
      return {
        name: command.name(),
        summary: command.description(),
        usage: help.commandUsage(command),
        shortcuts: shortcutsOf(command.name()),
        arguments: command.registeredArguments.map((argument) => ({
          term: help.argumentTerm(argument),
          description: help.argumentDescription(argument),
        })),
        choices: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
        options: help
          .visibleOptions(command)
          .filter(({ long }) => long !== '--help')
          .map((option) => ({
            short: option.short,
            long: option.long ?? '',
            term: help.optionTerm(option),
            description: help.optionDescription(option),
            takesValue: option.required,
          })),
      }
    }),
  }))
}
