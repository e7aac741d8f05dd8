// How are declared commands parsed and run?
import { Command, CommanderError, Option } from 'commander'
import { commonOptions } from './parse/common.ts'
import type { Context } from './profile/context.ts'
import { meantBy, optionMeantBy } from './help/elsewhere.ts'
import { columns } from './help/help.ts'
import type { Io } from './terminal/io.ts'
import { shortcuts, topics } from './help/topics.ts'

const everywhere = ['', 'Options of every command:', ...columns(commonOptions)].join('\n')

/** Long options may be cut short as long as they stay unique: `--ap foo` (docs/contract/cli.md §1.2). */
function completed(words: readonly string[], options: readonly Option[]): string[] {
  const longsOf = (some: readonly Option[]): string[] => some.flatMap(({ long }) => long ?? [])
  const longs = [...longsOf(options.filter(({ hidden }) => !hidden)), '--help']
  // A command's own options win over those of every command: `--r` was `--remote` before there was `--raw`.
  const common = longsOf(options.filter(({ hidden }) => hidden))
  const result: string[] = []
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? ''
    if (word === '--') return [...result, ...words.slice(at)]
    const [, name = word, value = ''] = /^(--[a-z-]+)(=.*)?$/s.exec(word) ?? []
    const own = name.startsWith('--') ? longs.filter((long) => long.startsWith(name)) : []
    const fitting = own.length > 0 ? own : common.filter((long) => long.startsWith(name))
    const full = fitting.length === 1 && fitting[0] !== undefined ? fitting[0] : name
    result.push(full + value)
    const option = options.find(({ long, short }) => long === full || short === full)
    if (option && value !== '' && !option.required && !option.optional)
      throw new CommanderError(1, 'deis.valueForFlag', `error: option '${full}' takes no value`)
    // The word after an option that takes a value is that value, whatever it looks like.
    if (option?.required && value === '' && at + 1 < words.length) result.push(words[(at += 1)] ?? '')
  }
  return result
}

/** An option given twice is refused: which app would `-a one -a two` destroy? */
function refuseRepeats(command: Command): void {
  const seen = new Set<string>()
  for (const option of command.options)
    command.on(`option:${option.name()}`, () => {
      if (seen.has(option.name())) command.error(`error: option '${option.flags}' is given twice`)
      seen.add(option.name())
    })
}

function rootOf(commands: readonly Command[], context: Context): Command {
  const { io } = context
  const root = new Command('deis').helpOption('-h, --help', 'show this help').helpCommand(false).exitOverride()
  root.configureOutput({
    writeOut: (text) => void io.stdout.write(text),
    // Usage errors are worded in execute().
    writeErr: () => {},
    getOutHelpWidth: () => 100,
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  })
  for (const command of commands) {
    root.addCommand(command.copyInheritedSettings(root))
    command.addOption(new Option('--debug').hideHelp()).addOption(new Option('--json').hideHelp())
    command.addOption(new Option('--raw').hideHelp())
    command.addHelpText('after', everywhere)
    refuseRepeats(command)
  }
  root.hook('preAction', (_, command) => {
    const { debug, json, raw } = command.opts<{ debug?: boolean; json?: boolean; raw?: boolean }>()
    if (raw) context.io.passRaw()
    context.debug ||= debug ?? false
    context.json = json ?? false
  })
  return root
}

/** Prints a usage error, and how the command is used. */
function printUsageError(io: Io, error: CommanderError, command: Command, hint = ''): number {
  io.stderr.write(`${error.message.replace(/^error: /, 'Error: ')}\n${hint}`)
  io.stderr.write(`Usage: ${command.createHelp().commandUsage(command)}\n`)
  return 1
}

/** Runs one of `commands` and returns its exit code. */
export async function execute(
  commands: readonly Command[],
  name: string,
  words: readonly string[],
  context: Context,
): Promise<number> {
  rootOf(commands, context)
  const command = commands.find((candidate) => candidate.name() === name)
  if (!command) throw new Error(`no command ${name}`)
  try {
    await command.parseAsync(completed(words, command.options), { from: 'user' })
    context.finish()
    return context.exitCode
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return 0
    const meant = `${name.split(':')[0]}:${words[0] ?? ''}`
    const isVerb = commands.some((candidate) => candidate.name() === meant)
    const option = error.code === 'commander.unknownOption' ? optionMeantBy(name, words) : null
    const hint = isVerb ? `(Did you mean ${meant}?)` : option
    return printUsageError(context.io, error, command, hint === null ? '' : `${hint}\n`)
  } finally {
    await context.noteSkew()
  }
}

/** All commands, by topic. */
export async function loadAll(context: Context): Promise<{ root: Command; byTopic: [string, Command[]][] }> {
  const byTopic = await Promise.all(
    Object.entries(topics).map(async ([name, { load }]): Promise<[string, Command[]]> => [
      name,
      (await load())(context),
    ]),
  )
  return {
    root: rootOf(
      byTopic.flatMap(([, commands]) => commands),
      context,
    ),
    byTopic,
  }
}

/** Prints that there is no such command, with similar names. */
export async function refuseUnknown(name: string, context: Context): Promise<number> {
  const { root } = await loadAll(context)
  // Words that may have been meant, too. A topic that is a command itself is there already.
  const known = new Set(root.commands.map((command) => command.name()))
  for (const word of [...Object.keys(shortcuts), ...Object.keys(topics)])
    if (!known.has(word)) root.addCommand(new Command(word))
  try {
    await root.parseAsync([name], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    // Known from elsewhere, it is better than what is spelled alike.
    const meant = meantBy(name)
    const message = error.message.replace(/^error: /, 'Error: ')
    context.io.stderr.write(`${meant === null ? message : `${message.split('\n')[0]}\n${meant}`}\n`)
  }
  context.io.stderr.write('Run `deis help` to list the commands.\n')
  return 1
}
