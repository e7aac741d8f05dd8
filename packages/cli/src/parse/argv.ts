// How is the command line divided before a command parses its arguments (docs/contract/cli.md §1.1)?
import { shortcuts } from '../help/topics.ts'

export type Invocation = {
  /** Value of `--config`. */
  readonly profile: string | undefined
  readonly debug: boolean
  /** `apps:create`; undefined: no arguments. */
  readonly command: string | undefined
  readonly topic: string
  /** What follows the command word. */
  readonly words: readonly string[]
  readonly wantsHelp: boolean
}

export type Misuse = { readonly misuse: string }

/** Removes `-c V`, `--config V` and `--config=V`; the first counts, and nothing after `--` is changed. */
function takeProfile(argv: readonly string[]): { profile: string | undefined; words: string[] } | Misuse {
  const end = argv.includes('--') ? argv.indexOf('--') : argv.length
  const words: string[] = []
  let profile: string | undefined
  for (let at = 0; at < end; at += 1) {
    const word = argv[at] ?? ''
    if (word.startsWith('--config=')) profile ??= word.slice('--config='.length)
    else if (word === '-c' || word === '--config') {
      at += 1
      const value = argv[at]
      if (at >= end || value === undefined) return { misuse: `${word} needs the name or path of a profile` }
      profile ??= value
    } else words.push(word)
  }
  return { profile, words: [...words, ...argv.slice(end)] }
}

const help = new Set(['help', '--help', '-h'])

/** `deis help X`, `deis -h X` and `deis X --help` are the same. */
function normalised(words: readonly string[]): string[] {
  const [first = '', ...rest] = words
  if (rest.length === 0 && help.has(first)) return ['help']
  if (rest.length === 0 && (first === '--version' || first === '-v')) return ['version']
  if (!help.has(first)) return [...words]
  const end = rest.includes('--') ? rest.indexOf('--') : rest.length
  return [...rest.slice(0, end), '--help', ...rest.slice(end)]
}

export function readArgv(argv: readonly string[]): Invocation | Misuse {
  const taken = takeProfile(argv)
  if ('misuse' in taken) return taken
  const debug = taken.words[0] === '--debug'
  const [first, ...words] = normalised(debug ? taken.words.slice(1) : taken.words)
  if (first?.startsWith('-')) return { misuse: `"${first}" is not a command; options come after the command` }
  const command = first !== undefined && Object.hasOwn(shortcuts, first) ? shortcuts[first] : first
  const end = words.includes('--') ? words.indexOf('--') : words.length
  const wantsHelp = words.slice(0, end).some((word) => word === '-h' || word === '--help')
  return { profile: taken.profile, debug, command, topic: command?.split(':')[0] ?? '', words, wantsHelp }
}
