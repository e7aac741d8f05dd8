// Why did a container not become ready, or end, and what can its owner do about it?
import { exitFailure, exitText } from '@deis/ports/exit'
import { DeployFailure } from '@deis/ports/scheduler'
import { hasStatus } from '../engine/error.ts'
import { PullFailure } from '../engine/pull.ts'
import type { Ended, Pod } from './pod.ts'
import { Unenforced } from './running.ts'

/** `exited with code 1`, `used more memory than its limit and was killed`. */
export function endedText({ code, outOfMemory, again = false, withEngine = false }: Ended): string {
  if (withEngine) return 'ended with the Docker Engine'
  if (code === null) return again ? 'was started again by hand' : 'was deleted'
  if (outOfMemory && code === 137) return 'used more memory than its limit and was killed (OOMKilled)'
  return exitText({ code, signal: null })
}

/** It ended before it was ready. */
export function endFailure(
  { type, spec, broken }: Pick<Pod, 'type' | 'spec' | 'broken'>,
  ended: Ended,
  lines: readonly string[],
): DeployFailure {
  if (ended.outOfMemory)
    return new DeployFailure(
      `${type} ${endedText({ ...ended, code: 137 })} before it was ready`,
      lines,
      spec?.memory === undefined
        ? 'This machine ran out of memory: scale something down.'
        : `Its limit is ${spec.memory}. Raise it: deis limits:set ${type}=512M`,
    )
  if (ended.code === null || ended.withEngine === true)
    return new DeployFailure(`the container of ${type} ${endedText(ended)} before it was ready`, lines, 'Deploy again.')
  return exitFailure(type, { code: ended.code, signal: null }, lines, broken)
}

/** It is not ready in time. */
export function lateFailure(
  { type, routable, spec, reason, container }: Pick<Pod, 'type' | 'routable' | 'spec' | 'reason' | 'container'>,
  seconds: number,
  lines: readonly string[],
): DeployFailure {
  const longer = 'or give it more time with DEIS_DEPLOY_TIMEOUT'
  if (!container)
    return new DeployFailure(`${type} could not be started within ${seconds} s`, lines, `Try again, ${longer}.`)
  const port = spec?.port ?? null
  if (routable && port !== null && reason?.startsWith('it does not listen'))
    return new DeployFailure(
      `${type} did not listen on PORT (${port}) within ${seconds} s`,
      lines,
      `Make it listen on the port in the environment variable PORT and on address 0.0.0.0, ${longer}.`,
    )
  return new DeployFailure(
    `${type} was not ready within ${seconds} s: ${reason ?? 'it only just started'}`,
    lines,
    `Fix it, ${longer}.`,
  )
}

const startHints: readonly (readonly [RegExp, string])[] = [
  [
    /docker-init/,
    'The engine has lost its init program: install docker-init (it comes with the packages docker.io and docker-ce), or restart the platform, which then does without.',
  ],
  [
    /executable file not found|no such file or directory/i,
    'Check its command in the Procfile. An image without bash can only run its own entry point.',
  ],
  [/permission denied/i, 'The command was found, but is not executable: check its file mode.'],
  [/no space left/i, 'The disk is full: free some space (docker system df).'],
]

/** A container could not be created or started. */
export function startFailure(type: string, error: unknown): DeployFailure {
  if (error instanceof DeployFailure) return error
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof PullFailure) return new DeployFailure(`${type} could not be started: ${message}`, [], error.hint)
  if (error instanceof Unenforced)
    return new DeployFailure(
      `${type} could not be started: this machine does not enforce its limits (${message})`,
      [],
      `Remove them with deis limits:unset ${type}, or enable cgroups for them on this machine.`,
    )
  const hint = startHints.find(([pattern]) => pattern.test(message))?.[1]
  const otherwise = hasStatus(error, 0)
    ? 'Check that the Docker Engine runs, then try again.'
    : 'Try again; `deis doctor` shows what the platform lacks.'
  return new DeployFailure(`${type} could not be started: ${message}`, [], hint ?? otherwise)
}
