// How does zsh complete commands?
import { quoted } from '@deis/lib/quoted'
import type { OptionData, TopicData } from '../../help/definitions.ts'
import { allWordsOf, commandWords, optionsOf } from './words.ts'

/** `apps\:list:list the apps that you may use` */
function described(word: string, text: string): string {
  return quoted(`${word.replaceAll(':', String.raw`\:`)}:${text}`)
}

/** One option for `_arguments`; brackets and colons would end its description. */
function argumentSpecs({ short, long, description, takesValue }: OptionData): string[] {
  const text = description.replaceAll(/[[\]:\\]/g, String.raw`\$&`)
  const names = [...(short ? [short] : []), long]
  return names.map((name) => {
    const others = names.length > 1 ? `(${names.join(' ')})` : ''
    const value = takesValue ? `${name.startsWith('--') ? '=' : '+'}[${text}]:value:_files` : `[${text}]`
    return quoted(`${others}${name}${value}`)
  })
}

export function zshScript(topics: readonly TopicData[]): string {
  const commands = topics.flatMap((topic) => topic.commands)
  const cases = commands.map((command) => {
    const rest = command.choices.length > 0 ? `*:word:(${command.choices.join(' ')})` : '*:word:_files'
    const specs = [...optionsOf(command).flatMap(argumentSpecs), quoted(rest)]
    return `    ${allWordsOf(command).join('|')})
      _arguments -s ${specs.join(' \\\n        ')} ;;`
  })
  return `#compdef deis
# Completion of deis in zsh: source <(deis completion zsh)
_deis() {
  local -a commands
  # Options before the command, and \`help\`, take no part.
  while (( CURRENT > 2 )); do
    case $words[2] in
      -c|--config) (( CURRENT > 3 )) || { _files; return }; shift 2 words; (( CURRENT -= 2 )) ;;
      --config=*|--debug|help) shift words; (( CURRENT -= 1 )) ;;
      *) break ;;
    esac
  done
  if (( CURRENT == 2 )); then
    commands=(
${commandWords(topics)
  .map(([word, summary]) => `      ${described(word, summary)}`)
  .join('\n')}
    )
    _describe -t commands 'command of deis' commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT -= 1 ))
  case $command in
${cases.join('\n')}
  esac
}
# Completion may not have been switched on yet.
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
compdef _deis deis
# In a folder of fpath, this file is the function itself.
[[ $funcstack[1] != _deis ]] || _deis "$@"
`
}
