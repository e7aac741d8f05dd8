// How are the processes of an app listed, scaled, restarted and stopped?
import { Command } from 'commander'
import {
  DeisError,
  getApp,
  listPods,
  type Pod,
  restartPod,
  restartPods,
  restartPodsOfType,
  scaleApp,
  stopPod,
} from '@deis/types'
import type { Context } from '../profile/context.ts'
import { type AppOption, appOption, limitOf } from '../parse/options.ts'
import { print, step, timed } from '../terminal/output.ts'
import { processType } from '../parse/pairs.ts'
import { exec } from './ps/exec.ts'
import { start } from './ps/start.ts'

/** All of them; the controller does not page them. */
const allPods = { limit: '1000' }

/** Processes under a heading per type, types and names in order. */
export function processLines(app: string, pods: readonly Pod[]): string[] {
  const types = [...new Set(pods.map(({ type }) => type))].toSorted()
  return [
    `=== ${app} Processes`,
    ...types.flatMap((type) => [
      `--- ${type}:`,
      ...pods
        .filter((pod) => pod.type === type)
        .map(({ name, state, release }) => `${name} ${state} (${release})`)
        .toSorted(),
    ]),
  ]
}

const target = new RegExp(`^(${processType})=([0-9]+)$`)

/** `web=2 worker=1` */
export function parseTargets(words: readonly string[]): Record<string, number> {
  const targets: Record<string, number> = {}
  for (const word of words) {
    const [, type = '', count = ''] = target.exec(word) ?? []
    if (type === '' || !Number.isSafeInteger(Number(count)))
      throw new DeisError('usage', `${JSON.stringify(word)} is not a process type with a count.`, {
        hint: 'It looks like web=2.',
      })
    if (Object.hasOwn(targets, type)) throw new DeisError('usage', `The process type "${type}" is given twice.`)
    targets[type] = Number(count)
  }
  return targets
}

export function ps(context: Context): Command[] {
  const { io } = context
  const drink = io.env['DEIS_DRINK_OF_CHOICE'] ?? 'coffee'

  async function list(options: AppOption): Promise<void> {
    const id = await context.app(options.app)
    const pods = await context.call(listPods, { params: { id }, query: { ...allPods, one_off: '1' } })
    context.answer(pods, processLines(id, pods.results))
  }

  async function stop(names: string[], options: AppOption): Promise<void> {
    const id = await context.app(options.app)
    for (const name of names)
      await step(io, `Stopping ${name}...`, () => context.call(stopPod, { params: { id, type: 'run', name } }))
  }

  async function scale(words: string[], options: AppOption): Promise<void> {
    const body = parseTargets(words)
    const id = await context.app(options.app)
    print(io, `Scaling processes... but first, ${drink}!`)
    const { took } = await timed(io, () => context.call(scaleApp, { params: { id }, body }))
    print(io, took)
    const pods = await context.call(listPods, { params: { id }, query: { limit: await limitOf(context, {}) } })
    context.answer(pods, processLines(id, pods.results))
  }

  /** The type is looked up: the name of a process does not show it (docs/contract/cli.md §9 note 7). */
  async function restartNamed(id: string, which: string): Promise<Pod[]> {
    if (!which.includes('-')) return context.call(restartPodsOfType, { params: { id, type: which } })
    const { results } = await context.call(listPods, { params: { id }, query: allPods })
    const pod = results.find(({ name }) => name === which || name === `${id}-${which}`)
    return pod
      ? context.call(restartPod, { params: { id, type: pod.type, name: pod.name } })
      : context.call(restartPodsOfType, { params: { id, type: which } })
  }

  /** The controller answers for what is not there as for what does not run. */
  async function refuseUnknownType(id: string, which: string): Promise<void> {
    const { structure, procfile_structure: procfile = {} } = await context.call(getApp, { params: { id } })
    const types = [...new Set([...Object.keys(structure), ...Object.keys(procfile)])].toSorted()
    if (types.includes(which)) return
    throw new DeisError('not_found', `"${id}" has no process and no process type "${which}".`, {
      hint: types.length === 0 ? undefined : `Its process types: ${types.join(', ')}.`,
    })
  }

  async function restart(which: string | undefined, options: AppOption): Promise<void> {
    const id = await context.app(options.app)
    print(io, `Restarting processes... but first, ${drink}!`)
    const { result: pods, took } = await timed(io, () =>
      which === undefined ? context.call(restartPods, { params: { id } }) : restartNamed(id, which),
    )
    if (pods.length === 0) {
      context.answer(pods, ['Could not find any processes to restart'])
      return which === undefined ? undefined : refuseUnknownType(id, which)
    }
    print(io, took)
    context.answer(pods, processLines(id, pods))
  }

  return [
    new Command('ps:list')
      .description('list the processes of an app, with one-off processes (type run)')
      .addOption(appOption())
      .action(list),
    new Command('ps:scale')
      .description('set the number of processes of each type')
      .argument('<type=num...>', 'numbers of processes, such as web=2 worker=1')
      .addOption(appOption())
      .action(scale),
    new Command('ps:restart')
      .description('restart all processes, those of one type, or one process')
      .argument('[type]', 'process type, or name of a process')
      .addOption(appOption())
      .action(restart),
    new Command('ps:stop')
      .description('stop one-off processes, which `deis run` or `deis ps:start` started')
      .argument('<name...>', 'names of one-off processes (type run) from `deis ps`')
      .addOption(appOption())
      .action(stop),
    start(context),
    exec(context),
  ]
}
