// In which process of an app does a command run beside the others, and how is it called?
import { Command } from 'commander'
import { DeisError, listPods, type Pod } from '@deis/types'
import type { Context } from '../../profile/context.ts'
import { type AppOption, appOption } from '../../parse/options.ts'
import { shellLine } from '../../parse/shellwords.ts'
import { attending, checkSitting, sit, type SitOptions, sitOptions } from '../attach.ts'

/** All there are; the controller does not page them. */
const allPods = { limit: '1000' }

function typesOf(pods: readonly Pod[]): string[] {
  return [...new Set(pods.map(({ type }) => type))].toSorted()
}

/** The type that is meant when none is named: the one that serves, or the only one. */
function usualType(app: string, pods: readonly Pod[]): string {
  const types = typesOf(pods)
  const [only] = types
  const found = ['web', 'cmd'].find((type) => types.includes(type)) ?? (types.length === 1 ? only : undefined)
  if (found !== undefined) return found
  if (types.length === 0)
    throw new DeisError('not_found', `No process of ${app} runs.`, { hint: `Look with \`deis ps -a ${app}\`.` })
  throw new DeisError('usage', `In which process of ${app}? It has ${types.join(', ')}.`, {
    hint: 'Name a process type, or one process.',
  })
}

/** The process that a name or a type means: of a type, the first that is up. */
export function podOf(app: string, pods: readonly Pod[], which: string | undefined): string {
  const wanted = which ?? usualType(app, pods)
  const named = pods.find(({ name }) => name === wanted || name === `${app}-${wanted}`)
  if (named) return named.name
  const ofType = pods.filter(({ type }) => type === wanted)
  const up = ofType
    .map(({ name, state }) => (state === 'up' ? name : ''))
    .filter(Boolean)
    .toSorted()
  const [first] = up
  if (first !== undefined) return first
  if (ofType.length > 0)
    throw new DeisError('not_found', `No process of the type ${wanted} is up.`, {
      hint: ofType.map(({ name, state }) => `${name} is ${state}`).join('\n'),
    })
  const types = typesOf(pods)
  throw new DeisError('not_found', `${app} has no process, and no process type, ${JSON.stringify(wanted)}.`, {
    hint:
      types.length > 0 ? `It has the types ${types.join(', ')}; \`deis ps -a ${app}\` lists the processes.` : undefined,
  })
}

/** Words behind `--` are the command, and none of them is the process. */
function divide(operands: readonly string[], raw: readonly string[]): { which: string | undefined; words: string[] } {
  const end = raw.indexOf('--')
  const behind = end === -1 ? 0 : raw.length - end - 1
  const before = operands.length - behind
  return before === 0 ? { which: undefined, words: [...operands] } : { which: operands[0], words: operands.slice(1) }
}

export function exec(context: Context): Command {
  async function run(
    operands: readonly string[],
    raw: readonly string[],
    given: AppOption & SitOptions,
  ): Promise<void> {
    const { which, words } = divide(operands, raw)
    const { stdin, stdout } = context.io.isTty
    // A shell without input would be over at once.
    const isBare = words.length === 0 && !attending(given)
    const options = isBare ? { ...given, interactive: true, tty: stdin && stdout } : given
    checkSitting(context, options)
    const id = await context.app(options.app)
    const { results } = await context.call(listPods, { params: { id }, query: allPods })
    await sit(context, options, { command: shellLine(words) || 'bash', pod: podOf(id, results, which) })
  }

  const command = new Command('ps:exec')
    .description('run a command in a process that runs, and end with its exit code')
    .argument('[process]', 'a process type, or the name of one process; otherwise the web process')
    .argument(
      '[command...]',
      'otherwise bash; one word is a line for the shell, several arrive as they are; put -- before it if it has options of its own',
    )
    .usage('[options] [process] [--] [command...]')
    .addOption(appOption())
  for (const option of sitOptions()) command.addOption(option)
  // Commander hides where `--` was from the action; its words as they came tell.
  return command.action((_process: string | undefined, _words: string[], options: AppOption & SitOptions) =>
    run(command.args, (command as Command & { readonly rawArgs: readonly string[] }).rawArgs, options),
  )
}
