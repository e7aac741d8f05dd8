// How does fish complete commands?
import type { TopicData } from '../../help/definitions.ts'
import { allWordsOf, commandWords, optionsOf } from './words.ts'

/** Within single quotes, fish reads the backslash too. */
function quoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`
}

export function fishScript(topics: readonly TopicData[]): string {
  const words = commandWords(topics)
  const commands = topics.flatMap((topic) => topic.commands)
  const beforeCommand = quoted(`not __fish_seen_subcommand_from ${words.map(([word]) => word).join(' ')}`)
  const offered = words.map(
    ([word, summary]) => `complete -c deis -f -n $__deis_start -a ${quoted(word)} -d ${quoted(summary)}`,
  )
  // `deis help TOPIC` takes the same words.
  const explained = `complete -c deis -f -n '__fish_seen_subcommand_from help' -a ${quoted(words.map(([word]) => word).join(' '))}`
  const known = commands.flatMap((command) => {
    const when = quoted(`__fish_seen_subcommand_from ${allWordsOf(command).join(' ')}`)
    const options = optionsOf(command).map(({ short, long, description, takesValue }) => {
      const names = `${short ? `-s ${short.slice(1)} ` : ''}-l ${long.slice(2)}`
      return `complete -c deis -n ${when} ${names}${takesValue ? ' -r' : ''} -d ${quoted(description)}`
    })
    const choices = command.choices.map((word) => `complete -c deis -f -n ${when} -a ${quoted(word)}`)
    return [...options, ...choices]
  })
  return `# Completion of deis in fish: deis completion fish | source
set -g __deis_start ${beforeCommand}
${[...offered, explained, ...known].join('\n')}
`
}
