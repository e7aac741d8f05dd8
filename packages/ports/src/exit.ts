// How is the end of a process explained to the app's owner?
import { constants } from 'node:os'
import { DeployFailure } from './scheduler.ts'

export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null }

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
    return 'It listens on a port that is in use: listen on the port in the environment variable PORT, and only once.'
  switch (exitCode(exit)) {
    case 0:
      return `A process must keep running. If ${type} is meant to end, run it with \`deis run\` instead.`
    case 126:
      return 'The command was found, but is not executable: check its file mode.'
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
    reason ? 'Find out why its health check fails, or change the check.' : exitHint(type, exit, lines.join('\n')),
  )
}
