// How does a session run a command in a pod of its own?
import { setTimeout as sleep } from 'node:timers/promises'
import type { Kube } from '../../client/client.ts'
import { hasStatus, isPassing } from '../../client/error.ts'
import { pathOf, type Pod } from '../../client/objects.ts'
import type { KubeSocket, Outcome, Take } from '../../client/socket.ts'
import type { OneOff, SessionIo } from '@deis/ports/scheduler'
import type { Started } from '@deis/ports/started'
import { killedCode } from '@deis/container/end-marker'
import host from '@deis/container/programs/session-host.sh'
import signalProgram from '@deis/container/programs/session-signal.sh'
import { sessionAnnotation } from '../manifests/labels.ts'
import { deletedError, endLagMs, exitOf, refuseDeleted, timeoutError, untilEnded } from '../run/end.ts'
import type { PodView } from '../run/view.ts'
import { handshakeArguments, type SessionTokens } from '@deis/container/session/handshake'
import { runSession, withSignal } from '@deis/container/session/session'
import { explain, targetOf } from './wiring.ts'

const attachMs = 30_000
const retryMs = 250

/**
 * The pod of a one-off command, which waits for its session. Its processes share the PID namespace of the pod: Ctrl-C does
 * not reach a command that is PID 1.
 */
export function sessionPod(pod: Pod, oneOff: OneOff, tokens: SessionTokens, io: SessionIo): Pod {
  const { artifact, command } = oneOff
  const launch = artifact.kind === 'image' && artifact.launcher !== 'none' ? artifact.launcher : 'shell'
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
        command: ['/bin/sh', '-c', host, 'deis', tokens.markers.end],
        args: handshakeArguments(tokens, { launch, command }, io),
        // The signal is for the session, not for the container's first process.
        lifecycle: {
          preStop: { exec: { command: ['sh', '-c', signalProgram, 'deis', tokens.session, 'TERM', 'all'] } },
        },
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

/** Resolves when the command has ended; calls `started` when it begins. The caller deletes the pod. */
export async function runInOwnPod(
  kube: Kube,
  { view, pod, tokens, timeoutSeconds }: { view: PodView; pod: Pod; tokens: SessionTokens; timeoutSeconds: number },
  io: SessionIo,
  started: (session: Started) => void,
): Promise<number> {
  const { namespace = '', name = '' } = pod.metadata ?? {}
  const container = pod.spec?.containers[0]?.name ?? ''
  const tty = io.terminal !== null
  const over = new AbortController()
  const cancel = (): void => over.abort(io.signal.reason)
  const timer = setTimeout(() => over.abort(timeoutError(timeoutSeconds)), timeoutSeconds * 1000)
  io.signal.addEventListener('abort', cancel)
  if (io.signal.aborted) cancel()
  const dial = (take: Take, signal: AbortSignal): Promise<KubeSocket> => dialAttach(kube, pod, tty, take, signal)
  const podEnd = untilEnded(view, over.signal)
  // A session that fails before it is ready does not look at it.
  podEnd.catch(() => {})
  const exitCode = async (outcome: Outcome | null): Promise<number> => {
    const code = outcome?.code ?? null
    if (code !== null) await refuseDeleted(kube, pathOf('v1/Pod', namespace, name), code, over.signal)
    if (code !== null && code !== killedCode) return code
    const last = await Promise.race([podEnd, sleep(endLagMs, undefined, { ref: false })])
    if (!last || !outcome) throw new Error(`the connection to the command in ${name} was lost`)
    if (last.metadata?.deletionTimestamp !== undefined) throw deletedError()
    const print = (text: string): void => void io.output(tty ? 'stdout' : 'stderr', Buffer.from(text)).catch(() => {})
    return exitOf(last, timeoutSeconds, print)
  }
  try {
    return await runSession(
      {
        target: targetOf({ kube, namespace, pod: name, container }, tokens.session),
        markers: tokens.markers,
        marksEnd: true,
        dial,
        dialInput: dial,
        podEnd,
        exitCode,
        explain,
        abandon: async () => {},
      },
      withSignal(io, over.signal),
      started,
    )
  } finally {
    clearTimeout(timer)
    io.signal.removeEventListener('abort', cancel)
    over.abort()
  }
}
