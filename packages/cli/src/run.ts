// How does a command line become an exit code?
import { type Invocation, readArgv } from './parse/argv.ts'
import { filterIo } from './terminal/filtered-io.ts'
import { generalHelp, topicHelp, usage } from './help/help.ts'
import type { Io } from './terminal/io.ts'
import { topics } from './help/topics.ts'
import { clientVersion } from './http/version.ts'

/** Commands whose arguments are a program, which may have its own `-c`. */
const takePrograms = new Set(['apps:run', 'ps:exec', 'ps:start', 'healthchecks:set'])

async function runOther(called: Invocation & { command: string }, io: Io): Promise<number> {
  const { findPlugin, runPlugin } = await import('./help/plugin.ts')
  const plugin = await findPlugin(called.topic, io)
  if (plugin) {
    const verb = called.command.slice(called.topic.length + 1)
    return runPlugin(plugin, [...(verb ? [verb] : []), ...called.words], io)
  }
  const [{ createContext }, { refuseUnknown }] = await Promise.all([
    import('./profile/context.ts'),
    import('./program.ts'),
  ])
  return refuseUnknown(called.command, createContext(io, called))
}

async function dispatch(argv: readonly string[], io: Io): Promise<number> {
  const called = readArgv(argv)
  if ('misuse' in called) {
    io.stderr.write(`Error: ${called.misuse}\n${usage}\n`)
    return 1
  }
  const { command, topic: name, words, wantsHelp } = called
  if (command === undefined) {
    io.stderr.write(`${usage}\n`)
    return 1
  }
  if (name === 'help') {
    io.stdout.write(generalHelp())
    return 0
  }
  // Needs no other module.
  if (command === 'version' && words.length === 0) {
    io.stdout.write(`${clientVersion}\n`)
    return 0
  }
  const topic = Object.hasOwn(topics, name) ? topics[name] : undefined
  if (!topic) return runOther({ ...called, command }, io)

  const [{ createContext }, { execute, refuseUnknown }, load] = await Promise.all([
    import('./profile/context.ts'),
    import('./program.ts'),
    topic.load(),
  ])
  const isForProgram = called.profile !== undefined && takePrograms.has(command)
  const profileHints = isForProgram
    ? ['If `-c` belongs to the program, put `--` before the program: `-- bash -c …`.']
    : []
  const context = createContext(io, { ...called, profileHints })
  const commands = load(context)
  const isAlone = command === name
  const runsVerb = topic.alone === 'list' || topic.alone === 'info'
  const wanted = isAlone && runsVerb ? `${name}:${topic.alone}` : command
  const isCommand = commands.some((candidate) => candidate.name() === wanted)
  if (isAlone && (topic.alone === 'help' || (runsVerb && wantsHelp))) {
    io.stdout.write(topicHelp(name, commands))
    return 0
  }
  return isCommand ? execute(commands, wanted, words, context) : refuseUnknown(command, context)
}

/** Runs a whole command line in this process: without exit, and with no global state but `io`. */
export async function run(argv: readonly string[], base: Io): Promise<number> {
  const { io, close } = filterIo(base)
  try {
    return await dispatch(argv, io)
  } catch (error) {
    const { report } = await import('./terminal/report.ts')
    return report(error, io)
  } finally {
    close()
  }
}
