// Why did a process not become ready, and what can its owner do about it?
import { type Exit, exitText } from '@deis/ports/exit'
import { DeployFailure } from '@deis/ports/scheduler'

export type Lateness = {
  readonly type: string
  readonly routable: boolean
  readonly port: number
  readonly seconds: number
  /** What its readiness waits for; null: it was not started. */
  readonly reason: string | null
  readonly listening: readonly number[]
  readonly lines: readonly string[]
}

export function lateFailure({ type, routable, port, seconds, reason, listening, lines }: Lateness): DeployFailure {
  const longer = 'or give it more time with DEIS_DEPLOY_TIMEOUT'
  if (reason === null)
    return new DeployFailure(`${type} could not be started within ${seconds} s`, lines, `Try again, ${longer}.`)
  if (!routable || listening.includes(port))
    return new DeployFailure(`${type} was not ready within ${seconds} s: ${reason}`, lines, `Fix it, ${longer}.`)
  const elsewhere = listening.length > 0 ? `; it listens on port ${listening.join(', ')} instead` : ''
  return new DeployFailure(
    `${type} did not listen on PORT (${port}) within ${seconds} s${elsewhere}`,
    lines,
    `Make it listen on the port in the environment variable PORT and on address 0.0.0.0, ${longer}.`,
  )
}

/** How it ended, of which the kernel has killed a process. `limit`: as the user wrote it; undefined: the machine's. */
export function memoryText(exit: Exit, limit: string | undefined): string {
  const cause =
    limit === undefined ? 'used too much of the memory of this machine' : `used more memory than its limit of ${limit}`
  // How one ended that an earlier controller has started is not known.
  return exit.signal === 'SIGKILL' || exit.code === null
    ? `${cause} and was killed (OOMKilled)`
    : `${exitText(exit)}; a process of it ${cause} and was killed (OOMKilled)`
}

export function memoryFailure(
  type: string,
  exit: Exit,
  limit: string | undefined,
  lines: readonly string[],
): DeployFailure {
  return new DeployFailure(
    `${type} ${memoryText(exit, limit)} before it was ready`,
    lines,
    limit === undefined
      ? 'This machine ran out of memory: scale something down.'
      : `Raise its limit: deis limits:set ${type}=512M`,
  )
}

const systemHints: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full: free some space on the platform’s machine.',
  EDQUOT: 'The disk quota is used up: free some space on the platform’s machine.',
  EAGAIN: 'The machine has reached its limit of processes: scale something down, or raise the limit.',
  ENOMEM: 'The machine is out of memory: scale something down.',
  EMFILE: 'The platform has reached its limit of open files: raise it (ulimit -n).',
  ENFILE: 'The machine has reached its limit of open files: raise it.',
  E2BIG: 'Config and command together are too long for this system: make them shorter.',
}

function codeOf(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if ('code' in cause && typeof cause.code === 'string') return cause.code
  return undefined
}

/** A process could not be started because of the machine, not the app. */
export function systemFailure(type: string, error: unknown): DeployFailure {
  if (error instanceof DeployFailure) return error
  const message = error instanceof Error ? error.message : String(error)
  const hint = systemHints[codeOf(error) ?? ''] ?? 'Try again; `deis doctor` shows what the platform lacks.'
  return new DeployFailure(`${type} could not be started: ${message}`, [], hint)
}
