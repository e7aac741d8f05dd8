// How does `ps:exec` run a command in a running process?
import { Command } from 'commander'
import { DeisError, listPods, type Pod } from '@deis/types'
import type { Context } from '../../profile/context.ts'
import { type AppOption, appOption } from '../../parse/options.ts'
import { shellLine } from '../../parse/shellwords.ts'
import { isAttached, checkAttach, attach, type AttachOptions, attachOptions } from '../attach.ts'

/** All of them; the controller does not page them. */
const allPods = { limit: '1000' }

function typesOf(pods: readonly Pod[]): string[] {
  return [...new Set(pods.map(({ type }) => type))].toSorted()
}

/** The default type: web, cmd, or the only one. */
function usualType(app: string, pods: readonly Pod[]): string {
  const types = typesOf(pods)
  const [only] = types
  const found = ['web', 'cmd'].find((type) => types.includes(type)) ?? (types.length === 1 ? only : undefined)
  if (found !== undefined) return found
  if (types.length === 0)
    throw new DeisError('not_found', `No process of "${app}" is running.`, {
      hint: `See \`deis ps -a ${app}\`.`,
    })
  throw new DeisError('usage', `No process given, and "${app}" has several types: ${types.join(', ')}.`, {
    hint: 'Give a process type, or the name of a process.',
  })
}

/** The process of this name, or the first of this type that is up. */
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
    throw new DeisError('not_found', `No process of type "${wanted}" is up.`, {
      hint: ofType.map(({ name, state }) => `${name} is ${state}`).join('\n'),
    })
  const types = typesOf(pods)
  throw new DeisError('not_found', `"${app}" has no process or process type ${JSON.stringify(wanted)}.`, {
    hint:
      types.length > 0
        ? `Its process types are ${types.join(', ')}; \`deis ps -a ${app}\` lists its processes.`
        : undefined,
  })
}

/** Words after `--` belong to the command; the process is never one of them. */
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
    given: AppOption & AttachOptions,
  ): Promise<void> {
    const { which, words } = divide(operands, raw)
    const { stdin, stdout } = context.io.isTty
    // A shell without input would end at once.
    const isBare = words.length === 0 && !isAttached(given)
    const options = isBare ? { ...given, interactive: true, tty: stdin && stdout } : given
    checkAttach(context, options)
    const id = await context.app(options.app)
    const { results } = await context.call(listPods, { params: { id }, query: allPods })
    await attach(context, options, { command: shellLine(words) || 'bash', pod: podOf(id, results, which) })
  }

  const command = new Command('ps:exec')
    .description('run a command in a running process, and exit with its exit code')
    .argument('[process]', 'process type, or name of a process; by default the web process')
    .argument(
      '[command...]',
      'one word is run by the shell, several are passed unchanged; put -- before a command with options; by default bash',
    )
    .usage('[options] [process] [--] [command...]')
    .addOption(appOption())
  for (const option of attachOptions()) command.addOption(option)
  // Commander does not pass the place of `--` to the action; the raw arguments have it.
  return command.action((_process: string | undefined, _words: string[], options: AppOption & AttachOptions) =>
    run(command.args, (command as Command & { readonly rawArgs: readonly string[] }).rawArgs, options),
  )
}
