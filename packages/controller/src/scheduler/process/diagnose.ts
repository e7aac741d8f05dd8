// Why did a process not come up, and what can its owner do about it?
import { constants } from 'node:os'
import { DeployFailure } from '../port.ts'
import type { Exit } from './launch.ts'

export function exitCode({ code, signal }: Exit): number {
  return code ?? 128 + (signal ? constants.signals[signal] : 0)
}

/** `exited with code 1`, `was ended by SIGKILL`. */
export function exitText({ code, signal }: Exit): string {
  if (signal) return `was ended by ${signal}`
  return code === null ? 'exited' : `exited with code ${code}`
}

function exitHint(type: string, exit: Exit, output: string): string {
  if (/EADDRINUSE|[Aa]ddress already in use/.test(output))
    return 'It listens on a port that is taken: listen on the port in the environment variable PORT, and only once.'
  switch (exitCode(exit)) {
    case 0:
      return `A process must keep running. If ${type} is meant to end, run it with \`deis run\` instead.`
    case 126:
      return 'The command was found but may not be executed: look at its file mode.'
    case 127:
      return `The command was not found: check ${type} in the Procfile, and that the build installs what it needs.`
    case 137:
      return 'It was killed, perhaps because the machine ran out of memory.'
    default:
      return 'Look at its last lines, fix the cause and deploy again.'
  }
}

export function exitFailure(type: string, exit: Exit, lines: readonly string[], reason: string | null): DeployFailure {
  const why = reason ? ` (${reason})` : ''
  return new DeployFailure(
    `${type} ${exitText(exit)} before it was ready${why}`,
    lines,
    reason ? 'See why its healthcheck fails, or change it.' : exitHint(type, exit, lines.join('\n')),
  )
}

export type Lateness = {
  readonly type: string
  readonly routable: boolean
  readonly port: number
  readonly seconds: number
  /** What its readiness waits for; null: it was not even started. */
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
    `Let it listen on the port in the environment variable PORT and on address 0.0.0.0, ${longer}.`,
  )
}

const systemHints: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full: free some space on the platform’s machine.',
  EDQUOT: 'The disk quota is used up: free some space on the platform’s machine.',
  EAGAIN: 'The machine runs as many processes as it may: scale something down, or raise the limit.',
  ENOMEM: 'The machine is out of memory: scale something down.',
  EMFILE: 'The platform has as many files open as it may: raise its limit (ulimit -n).',
  ENFILE: 'The machine has as many files open as it may: raise its limit.',
  E2BIG: 'Config and command together are too long for this system: make them shorter.',
}

function codeOf(error: unknown): string | undefined {
  for (let one = error; one instanceof Error; one = one.cause)
    if ('code' in one && typeof one.code === 'string') return one.code
  return undefined
}

/** The machine, not the app, kept a process from starting. */
export function systemFailure(type: string, error: unknown): DeployFailure {
  if (error instanceof DeployFailure) return error
  const message = error instanceof Error ? error.message : String(error)
  const hint = systemHints[codeOf(error) ?? ''] ?? 'Try again; `deis doctor` shows what the platform lacks.'
  return new DeployFailure(`${type} could not be started: ${message}`, [], hint)
}
