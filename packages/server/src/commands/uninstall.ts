// How is the platform taken off this machine?
import { createHmac } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { carryOut } from '../act/act.ts'
import { Failure } from '../failure.ts'
import { readSettings } from '../install/choose.ts'
import { readEnv } from '../install/env-file.ts'
import { linesOf } from '../install/step.ts'
import type { Io } from '../io.ts'
import { controllerUnit, layout } from '../layout.ts'
import { uninstallPlan } from '../uninstall/plan.ts'

type UninstallOptions = { readonly purge?: boolean; readonly yesDestroy?: string; readonly dryRun?: boolean }

/** The label by which an engine knows the containers of this installation; null: there is none. */
async function platformLabel(): Promise<string | null> {
  const key = await readFile(join(layout.data, 'keys/secret.key'), 'utf8').catch(() => '')
  if (key.trim() === '') return null
  const platform = createHmac('sha256', Buffer.from(key.trim(), 'hex')).update('platform').digest('hex').slice(0, 16)
  return `io.deis.platform=${platform}`
}

/** Containers are the engine's: they run on. */
async function containersLeft(): Promise<string[]> {
  const { controller } = await readSettings('')
  const label = readEnv(controller).get('DEIS_SCHEDULER') === 'docker' ? await platformLabel() : null
  if (label === null) return []
  return [
    'Containers of apps run on. This ends them, and deletes their networks and images:',
    `  docker ps --all --quiet --filter label=${label} | xargs --no-run-if-empty docker rm --force`,
    `  docker network ls --quiet --filter label=${label} | xargs --no-run-if-empty docker network rm`,
    `  docker image ls --quiet --filter label=${label} | sort -u | xargs --no-run-if-empty docker image rm --force`,
  ]
}

async function uninstall({ purge = false, yesDestroy, dryRun }: UninstallOptions, io: Io): Promise<void> {
  const name = hostname()
  if (purge && yesDestroy !== name)
    throw new Failure(
      '--purge deletes the database, keys, repositories and logs of all apps, and nothing was changed.',
      `If that is what you want: deis-server uninstall --purge --yes-destroy ${name}`,
    )
  const made = await Promise.all(
    [layout.programs, join(layout.units, controllerUnit)].map((path) => stat(path).catch(() => null)),
  )
  if (made.every((found) => found === null)) throw new Failure('The platform is not installed on this machine.')
  const steps = uninstallPlan(purge)
  if (dryRun === true) {
    for (const step of steps) for (const line of linesOf(step)) io.out(line)
    return
  }
  if (process.getuid?.() !== 0)
    throw new Failure('Only root can do this, and nothing was changed: repeat it with sudo.')
  const left = await containersLeft()
  await carryOut(steps, { root: '' }, io)
  io.out('')
  io.out(
    purge
      ? 'The platform and its data are gone.'
      : `The platform is gone; its data is still in ${layout.data}, its settings in ${layout.settings}. Installing it again uses both.`,
  )
  for (const line of left) io.out(line)
}

export function uninstallCommand(io: Io): Command {
  return new Command('uninstall')
    .description('end apps and platform, and remove what install has made; data and settings stay')
    .option('--purge', 'delete data and settings, too')
    .option('--yes-destroy <hostname>', 'confirms --purge with the name of this machine')
    .option('--dry-run', 'print every step, and do nothing')
    .action((options: UninstallOptions) => uninstall(options, io))
}
