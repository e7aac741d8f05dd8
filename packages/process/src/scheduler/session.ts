// How does a session run its command, in its own pod or beside the process of another pod?
import { randomUUID } from 'node:crypto'
import { type Identity, firstInside, isEnding, withVariable } from '@deis/machine/pid'
import { NoSuchPod, type OneOff, type SessionIo, SessionRefused } from '@deis/ports/scheduler'
import type { Started } from '@deis/ports/started'
import { type Attached, untilEnd } from './attached.ts'
import type { Backend } from './backend.ts'
import { systemFailure } from './diagnose.ts'
import { podVariable, sessionVariable } from './launch.ts'
import { begin, commandOptions, prepareStart } from './process.ts'
import { graceSeconds, inOneOff } from './one-off.ts'
import { attachPipes } from './pipes.ts'
import { type Pod, podFolder } from './pod.ts'
import { attachTerminal } from './terminal.ts'

const graceMs = graceSeconds * 1000
/** The exit code of what was ended by SIGKILL. */
const killed = 137

/** A command in the folder of a pod, as its user, with its environment. */
async function attach(
  backend: Backend,
  pod: Pod,
  command: string,
  io: SessionIo,
  within: Identity | null,
): Promise<Attached> {
  const base = await commandOptions(backend, pod, within)
  const id = randomUUID()
  const members = () => withVariable(sessionVariable, id)
  const options = { ...base, command, env: { ...base.env, [sessionVariable]: id } }
  if (io.terminal)
    return attachTerminal(options, { terminal: io.terminal, mark: { [podVariable]: pod.name }, members }, io)
  return attachPipes(options, podFolder(backend.options.folder, pod.app.id, pod.name), io, members)
}

function sessionOf(pod: Pod, { resize, kill }: Attached): Started {
  return { pod: pod.name, resize, kill }
}

export function openSession(
  backend: Backend,
  oneOff: OneOff,
  io: SessionIo,
  signal: AbortSignal,
  started: (session: Started) => void,
): Promise<number> {
  return inOneOff(backend, oneOff, signal, async (pod, stop) => {
    const prepared = prepareStart(backend, [pod], stop).then(() => attach(backend, pod, oneOff.command, io, null))
    const attached = await prepared.catch((error: unknown) => {
      stop.throwIfAborted()
      throw error instanceof SessionRefused ? error : systemFailure('the command', error)
    })
    const exited = untilEnd(attached, graceMs, stop)
    exited.catch(() => {})
    await begin(backend, pod, attached.process)
    pod.state = 'up'
    backend.changed(pod.app.id)
    started(sessionOf(pod, attached))
    return exited
  })
}

export async function execSession(
  backend: Backend,
  target: { readonly app: string; readonly pod: string; readonly command: string },
  io: SessionIo,
  signal: AbortSignal,
  started: (session: Started) => void,
): Promise<number> {
  const pod = backend.apps.get(target.app)?.pods.get(target.pod)
  if (pod?.state !== 'up') throw new NoSuchPod(`"${target.app}" has no running process "${target.pod}"`)
  if (!pod.spec) throw new NoSuchPod(`"${target.pod}" is not known yet, since the platform has just started: try again`)
  const beside = await firstInside(await withVariable(podVariable, pod.name))
  const leader = beside ?? pod.process?.identity
  const attached = await attach(backend, pod, target.command, io, beside)
  started(sessionOf(pod, attached))
  const code = await untilEnd(attached, graceMs, AbortSignal.any([signal, pod.gone.signal]))
  // The kernel kills what is beside the pod's first process when that ends, and may be noticed before the end of the pod.
  if (code === killed && leader && (await isEnding(leader))) throw new Error(`${pod.name} has ended`)
  return code
}
