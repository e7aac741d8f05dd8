// Does a process pass its probe (in Kubernetes' terms, docs/contract/api.md §2.5)?
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import type { RunAs } from '@deis/machine/accounts'
import { StartFault, startConfined } from '@deis/machine/confine'
import type { Isolation } from '@deis/machine/isolation'
import { type Identity, signalGroup } from '@deis/machine/pid'
import type { Probe } from '@deis/ports/scheduler'
import { rejectsWhenAborted } from '@deis/lib/wait'
import { podVariable } from './launch.ts'
import { within } from './within.ts'

export type Target = {
  /** The port the process was given. */
  readonly port: number
  /** PORT as the release sets it: probes with this number mean the port above. */
  readonly declaredPort: string
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  readonly runAs: RunAs | null
  readonly isolation: Isolation
  /** Commands run beside this process. */
  readonly within: Identity
}

const hosts = ['127.0.0.1', '::1']

/** Which of this machine's own addresses accepts connections on the port; null: none. */
export async function openHost(port: number, signal: AbortSignal): Promise<string | null> {
  for (const host of hosts) {
    const socket = connect({ host, port })
    try {
      await once(socket, 'connect', { signal })
      return host
    } catch {
      // Refused, or out of time: not this one.
    } finally {
      socket.destroy()
    }
  }
  return null
}

async function tryTcp(port: number, signal: AbortSignal): Promise<string | null> {
  return (await openHost(port, signal)) ? null : `nothing accepts connections on port ${port}`
}

async function tryHttp(get: NonNullable<Probe['httpGet']>, port: number, signal: AbortSignal): Promise<string | null> {
  const host = await openHost(port, signal)
  if (!host) return `nothing accepts connections on port ${port}`
  const secure = get.scheme?.toUpperCase() === 'HTTPS'
  const path = get.path?.startsWith('/') ? get.path : `/${get.path ?? ''}`
  const request = (secure ? httpsRequest : httpRequest)({
    host,
    port,
    path,
    // A probe checks that it works, not who it is; the certificate is for another name anyway.
    rejectUnauthorized: false,
    agent: false,
    headers: Object.fromEntries((get.httpHeaders ?? []).map(({ name, value }) => [name, value])),
    signal,
  })
  // Errors after the response, or after the time limit, do not matter.
  request.on('error', () => {})
  try {
    request.end()
    const [response] = await once(request, 'response')
    const status = Number(response.statusCode)
    return status >= 200 && status < 400 ? null : `GET ${path} answered ${status}`
  } finally {
    request.destroy()
  }
}

async function tryExec(command: readonly string[], target: Target, signal: AbortSignal): Promise<string | null> {
  const [program, ...args] = command
  if (!program) return 'the probe has no command'
  const { isolation, folder, env, runAs, within: pod } = target
  const order = {
    program,
    args,
    folder,
    env,
    runAs,
    marks: [podVariable],
    check: true,
    mute: true,
    within: pod,
    signal,
  }
  try {
    const { exited, identity } = await startConfined(isolation, order, ['ignore', 'ignore', 'ignore'])
    try {
      const { code, signal: name } = await Promise.race([exited, rejectsWhenAborted(signal)])
      return code === 0 ? null : `${program} exited with code ${code ?? name}`
    } finally {
      signalGroup(identity.pid, 'SIGKILL')
    }
  } catch (error) {
    if (error instanceof StartFault) return `${program} cannot be run: ${error.message}`
    throw error
  }
}

/** Null: passed. Otherwise why not. Ends within the probe's own time limit. */
export async function tryProbe(probe: Probe, target: Target, signal: AbortSignal): Promise<string | null> {
  const seconds = probe.timeoutSeconds ?? 1
  // A probe without a port means PORT as well.
  const own = (port: number | undefined): number =>
    port === undefined || String(port) === target.declaredPort ? target.port : port
  const { exec, httpGet, tcpSocket } = probe
  try {
    return await within(signal, seconds * 1000, async (limit) => {
      if (exec) return await tryExec(exec.command, target, limit)
      if (httpGet) return await tryHttp(httpGet, own(httpGet.port), limit)
      if (tcpSocket) return await tryTcp(own(tcpSocket.port), limit)
      return null
    })
  } catch (error) {
    signal.throwIfAborted()
    return (error as Error).message
  }
}
