// How does bash complete commands?
import { quoted } from '@deis/lib/quoted'
import { everywhere, type OptionData, type TopicData } from '../../help/definitions.ts'
import { allWordsOf, commandWords, optionsOf } from './words.ts'

function optionWords(options: readonly OptionData[]): string[] {
  return options.flatMap(({ short, long }) => [...(short ? [short] : []), long])
}

/** Also for the bash 3.2 of macOS: no negative indices, no mapfile, no bash-completion. */
export function bashScript(topics: readonly TopicData[]): string {
  const commands = topics.flatMap((topic) => topic.commands)
  const withValue = new Set(
    commands.flatMap((command) => optionWords(optionsOf(command).filter(({ takesValue }) => takesValue))),
  )
  const cases = commands.map((command) => {
    const choices = command.choices.length > 0 ? ` choices=${quoted(command.choices.join(' '))}` : ''
    const options = quoted(optionWords(command.options).join(' '))
    return `    ${allWordsOf(command).join(' | ')}) options=${options}${choices} ;;`
  })
  return `# Completion of deis in bash: source <(deis completion bash)
_deis() {
  local line last command='' before='' skip='' words='' options='' choices='' word
  local -a typed
  # COMP_WORDS is cut at colons, so the line is read again.
  line=\${COMP_LINE:0:COMP_POINT}
  read -r -a typed <<<"$line"
  last=''
  case $line in
    *[[:space:]]) ;;
    *)
      last=\${typed[\${#typed[@]} - 1]}
      unset "typed[\${#typed[@]} - 1]"
      ;;
  esac
  for word in "\${typed[@]:1}"; do
    before=$word
    if [ -n "$skip" ]; then
      skip=''
      continue
    fi
    case $word in
      --) return ;;
      -c | --config) [ -n "$command" ] || skip=yes ;;
      -*) ;;
      help) ;;
      *) [ -n "$command" ] || command=$word ;;
    esac
  done
  COMPREPLY=()
  if [ -z "$skip" ] && [ -z "$command" ]; then
    words=${quoted(
      commandWords(topics)
        .map(([word]) => word)
        .join(' '),
    )}
  else
    # The value of an option: bash offers files.
    case $before in
      ${[...withValue].toSorted().join(' | ')}) return ;;
    esac
    case $command in
${cases.map((line) => `  ${line}`).join('\n')}
      *) return ;;
    esac
    case $last in
      -*) words="$options ${optionWords(everywhere).join(' ')}" ;;
      *) words=$choices ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$last"))
  # Readline replaces only what follows the last colon.
  case $last in
    *:*)
      case $COMP_WORDBREAKS in
        *:*) COMPREPLY=("\${COMPREPLY[@]#"\${last%:*}:"}") ;;
      esac
      ;;
  esac
}
complete -o default -F _deis deis
`
}
