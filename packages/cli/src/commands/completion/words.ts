// Which words can a shell suggest, and when?
import { everywhere, type CommandData, type OptionData, type TopicData } from '../../help/definitions.ts'

/** Words that run a command, with its summary; `help` may precede each of them. */
export function commandWords(topics: readonly TopicData[]): (readonly [word: string, summary: string])[] {
  const words = topics.flatMap(({ name, summary, commands }) => [
    ...(commands.some((command) => command.name === name) ? [] : [[name, summary] as const]),
    ...commands.flatMap((command) => [
      [command.name, command.summary] as const,
      ...command.shortcuts.filter((word) => word !== name).map((word) => [word, command.summary] as const),
    ]),
  ])
  return [...words, ['help', 'show help for a topic or a command'] as const].toSorted(([a], [b]) => (a < b ? -1 : 1))
}

export function allWordsOf(command: CommandData): string[] {
  return [command.name, ...command.shortcuts]
}

export function optionsOf(command: CommandData): OptionData[] {
  return [...command.options, ...everywhere]
}
