// How does a one-off command run in an app's current release (docs/contract/api.md §2.3, §4.15)?
import { DeisError } from '@deis/types'
import type { OneOff } from '@deis/ports/scheduler'
import type { Core } from '../core.ts'
import { artifactOf, environment, pullPolicy } from '../releases/formation.ts'
import { explain } from '../releases/converge.ts'
import { beginOneOff } from './one-offs.ts'
import { latestGood, releaseParts } from '../releases/release.ts'
import type { AppRow } from '../apps/rows.ts'

/** @throws DeisError invalid */
export function checkedCommand(command: unknown): string {
  if (typeof command !== 'string' || command.trim() === '')
    throw new DeisError('invalid', 'command is a required field')
  if (command.includes('\0')) throw new DeisError('invalid', 'The command contains a NUL character.')
  return command
}

/** What the scheduler is asked for: the current release with one command in place of its processes. */
export async function oneOffOf(core: Core, app: AppRow, command: string, timeoutSeconds: number): Promise<OneOff> {
  const release = await latestGood(core.db, app)
  if (!release.build) throw new DeisError('invalid', 'No build associated with this release to run this command')
  const parts = releaseParts(core, app, release)
  const { memory, cpu, tags, registry } = parts.config
  return {
    app: app.id,
    release: release.version,
    artifact: artifactOf(parts.build),
    env: environment(parts),
    tags,
    registry,
    pullPolicy: pullPolicy(parts.config, core.config.pullPolicy),
    command,
    timeoutSeconds,
    ...(memory.run === undefined ? {} : { memory: memory.run }),
    ...(cpu.run === undefined ? {} : { cpu: cpu.run }),
  }
}

/** The exit code that shells give to a process that TERM ended. */
const terminatedCode = 143

/**
 * Runs beside deploys: it has its own copy of the release, and ends with the connection of its client, or when a user
 * stops it by its name or by the id in `request`. The command may contain secrets and is
 * not logged.
 */
export async function runCommand(
  core: Core,
  username: string,
  app: AppRow,
  command: unknown,
  gone: AbortSignal,
  request?: string,
): Promise<{ exit_code: number; output: string }> {
  const wanted = await oneOffOf(core, app, checkedCommand(command), core.config.runTimeoutSeconds)
  const { name, stopped, end } = await beginOneOff(core, app, request)
  const oneOff = { ...wanted, name }
  core.logs.write(app.id, 'INFO', `${username} runs a command in v${oneOff.release}`)
  const output: string[] = []
  try {
    const exit_code = await core.scheduler.run(oneOff, {
      output: (chunk) => output.push(chunk),
      signal: AbortSignal.any([gone, core.shutdown, stopped]),
    })
    return { exit_code, output: output.join('') }
  } catch (error) {
    if (stopped.aborted) return { exit_code: terminatedCode, output: output.join('') }
    throw new DeisError('unavailable', `${app.id}-run (run): ${explain(error)}`, { cause: error })
  } finally {
    end()
  }
}
