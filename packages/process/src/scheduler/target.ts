// How do probes reach a process of this machine?
import type { RunAs } from '@deis/machine/accounts'
import { StartFault, startConfined } from '@deis/machine/confine'
import type { Isolation } from '@deis/machine/isolation'
import { type Identity, signalGroup } from '@deis/machine/pid'
import { orAborted } from '@deis/lib/wait'
import type { Endpoint, Target } from '@deis/ports/health'
import { podVariable } from './launch.ts'
import { isOtherUsersPort } from './listening.ts'

export type TargetOptions = {
  /** The port the process was given. */
  readonly port: number
  /** PORT as the release sets it. */
  readonly declaredPort: string
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  readonly runAs: RunAs | null
  readonly isolation: Isolation
  readonly scope: readonly string[]
  /** Commands run beside this process. */
  readonly within: Identity
}

const hosts = ['127.0.0.1', '::1']

export const endpointsOf = (port: number): Endpoint[] => hosts.map((host) => ({ host, port }))

async function tryExec(
  [program, ...args]: readonly string[],
  { isolation, scope, folder, env, runAs, within }: TargetOptions,
  signal: AbortSignal,
): Promise<string | null> {
  if (!program) return 'the probe has no command'
  const order = {
    program,
    args,
    folder,
    env,
    runAs,
    marks: [podVariable],
    check: true,
    mute: true,
    within,
    scope,
    signal,
  }
  try {
    const { exited, identity } = await startConfined(isolation, order, ['ignore', 'ignore', 'ignore'])
    try {
      const { code, signal: name } = await orAborted(exited, signal)
      return code === 0 ? null : `${program} exited with code ${code ?? name}`
    } finally {
      signalGroup(identity.pid, 'SIGKILL')
    }
  } catch (error) {
    if (error instanceof StartFault) return `${program} cannot be run: ${error.message}`
    throw error
  }
}

export function targetOf(options: TargetOptions): Target {
  const { port, declaredPort, runAs } = options
  return {
    port,
    declaredPort,
    endpoints: endpointsOf,
    exec: (command, signal) => tryExec(command, options, signal),
    ...(runAs ? { isForeign: (one: number) => isOtherUsersPort(one, runAs.uid) } : {}),
  }
}
