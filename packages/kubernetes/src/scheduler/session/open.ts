// How does a session run a command in a pod of its own?
import { setTimeout as sleep } from 'node:timers/promises'
import type { Kube } from '../../client/client.ts'
import { hasStatus, isPassing } from '../../client/error.ts'
import { pathOf, type Pod } from '../../client/objects.ts'
import type { KubeSocket, Take } from '../../client/socket.ts'
import { untilAborted } from '@deis/lib/wait'
import type { OneOff, SessionIo } from '@deis/ports/scheduler'
import type { Started } from '@deis/ports/started'
import { sessionAnnotation } from '../manifests/labels.ts'
import { deletedError, exitOf, refuseDeleted, timeoutError, untilEnded } from '../run/end.ts'
import type { PodView } from '../run/view.ts'
import host from '../../programs/session-host.sh'
import signalProgram from '../../programs/session-signal.sh'
import { handshakeArguments } from './exec.ts'
import type { SessionTokens } from './handshake.ts'
import { killedCode } from './script.ts'
import { attachSession, withSignal } from './attach.ts'
import { type SessionTarget, startedSession } from './signal.ts'

const attachMs = 30_000
const retryMs = 250
/** How much later than the end of its output the end of a pod may come: half a minute on Kubernetes 1.20 under load. */
const lagMs = 30_000

/**
 * The pod of a one-off command, which waits for its session. Its processes share the PID namespace of the pod: Ctrl-C does
 * not reach a command that is PID 1.
 */
export function sessionPod(pod: Pod, oneOff: OneOff, { session, markers }: SessionTokens, io: SessionIo): Pod {
  const { artifact, command } = oneOff
  const launch = artifact.kind === 'image' && artifact.slug ? 'slug' : 'shell'
  const tty = io.terminal !== null
  return {
    ...pod,
    metadata: { ...pod.metadata, annotations: { ...pod.metadata?.annotations, [sessionAnnotation]: 'true' } },
    spec: {
      ...pod.spec,
      shareProcessNamespace: true,
      containers: (pod.spec?.containers ?? []).map((container) => ({
        ...container,
        stdin: true,
        stdinOnce: true,
        tty,
        command: ['/bin/sh', '-c', host, 'deis', markers.end],
        args: handshakeArguments({ session, launch, command }, markers, io),
        // The signal is for the session, not for the container's first process.
        lifecycle: { preStop: { exec: { command: ['sh', '-c', signalProgram, 'deis', session, 'TERM', 'all'] } } },
      })),
    },
  }
}

/** Retries for a while: a container that has just started is not known everywhere yet. */
async function dialAttach(kube: Kube, pod: Pod, tty: boolean, take: Take, signal: AbortSignal): Promise<KubeSocket> {
  const { namespace, name } = pod.metadata ?? {}
  const container = pod.spec?.containers[0]?.name
  // Without the output, the server would end the input at once.
  const query = { container, stdin: true, stdout: true, stderr: !tty, tty }
  for (const deadline = Date.now() + attachMs; ;) {
    try {
      return await kube.connect(pathOf('v1/Pod', namespace, name, 'attach'), query, take, signal)
    } catch (error) {
      signal.throwIfAborted()
      if ((!isPassing(error) && !hasStatus(error, 400)) || Date.now() > deadline) throw error
    }
    await sleep(retryMs, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}

/** Resolves when the command has ended; calls `started` when it begins. The pod waits for the handshake. */
export async function runSession(
  kube: Kube,
  { view, pod, tokens, timeoutSeconds }: { view: PodView; pod: Pod; tokens: SessionTokens; timeoutSeconds: number },
  io: SessionIo,
  started: (session: Started) => void,
): Promise<number> {
  const { namespace = '', name = '' } = pod.metadata ?? {}
  const container = pod.spec?.containers[0]?.name ?? ''
  const target: SessionTarget = { kube, namespace, pod: name, container, session: tokens.session }
  const tty = io.terminal !== null
  const over = new AbortController()
  const cancel = (): void => over.abort(io.signal.reason)
  const timer = setTimeout(() => over.abort(timeoutError(timeoutSeconds)), timeoutSeconds * 1000)
  io.signal.addEventListener('abort', cancel)
  if (io.signal.aborted) cancel()
  const cancelled = untilAborted(over.signal)
  const dial = (take: Take, signal: AbortSignal): Promise<KubeSocket> => dialAttach(kube, pod, tty, take, signal)
  let isOver = false
  let detach = (): void => {}
  try {
    const attachment = await attachSession({
      io: withSignal(io, over.signal),
      markers: tokens.markers,
      marksEnd: true,
      dial,
      dialInput: dial,
    })
    detach = () => attachment.detach()
    started(startedSession(target, attachment, () => isOver))
    setImmediate(() => attachment.begin())
    const ended = untilEnded(view, over.signal)
    // The connection to a deleted pod may end or stay.
    const outcome = await Promise.race([attachment.ended, cancelled, ended.then(() => attachment.ended)])
    over.signal.throwIfAborted()
    const code = outcome?.code ?? null
    if (code !== null) await refuseDeleted(kube, pathOf('v1/Pod', namespace, name), code, over.signal)
    if (code !== null && code !== killedCode) return code
    const last = await Promise.race([ended, sleep(lagMs, undefined, { ref: false })])
    if (!last || !outcome) throw new Error(`the connection to the command in ${name} was lost`)
    if (last.metadata?.deletionTimestamp !== undefined) throw deletedError()
    const print = (text: string): void => void io.output(tty ? 'stdout' : 'stderr', Buffer.from(text)).catch(() => {})
    return exitOf(last, timeoutSeconds, print)
  } finally {
    isOver = true
    clearTimeout(timer)
    io.signal.removeEventListener('abort', cancel)
    detach()
  }
}
