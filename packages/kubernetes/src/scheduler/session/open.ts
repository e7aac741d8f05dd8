// How does somebody sit at a command in a pod of its own?
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
import { gateArguments } from './exec.ts'
import type { Sitting } from './handshake.ts'
import { hostScript, killedCode, signalScript } from './script.ts'
import { takeSeat, withSignal } from './attach.ts'
import { type Place, startedAt } from './signal.ts'

const attachMs = 30_000
const againMs = 250
/** What the end of a pod may come later than the end of its output. */
const lagMs = 10_000

/**
 * The pod of a one-off command, which waits for whoever is to sit at it. Its processes share their namespace with the
 * pod's own first one: a command that is a container's first process would be deaf to Ctrl-C.
 */
export function sessionPod(pod: Pod, oneOff: OneOff, { session, answers }: Sitting, io: SessionIo): Pod {
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
        command: ['/bin/sh', '-c', hostScript, 'deis', answers.end],
        args: gateArguments({ session, launch, command }, answers, io),
        // The first process of the container is not the one to be told.
        lifecycle: { preStop: { exec: { command: ['sh', '-c', signalScript, 'deis', session, 'TERM', 'all'] } } },
      })),
    },
  }
}

/** A container that has just begun is not known everywhere yet. */
async function attach(kube: Kube, pod: Pod, tty: boolean, take: Take, signal: AbortSignal): Promise<KubeSocket> {
  const { namespace, name } = pod.metadata ?? {}
  const container = pod.spec?.containers[0]?.name
  // Whoever does not take the output as well would end the input at once.
  const query = { container, stdin: true, stdout: true, stderr: !tty, tty }
  for (const deadline = Date.now() + attachMs; ;) {
    try {
      return await kube.connect(pathOf('v1/Pod', namespace, name, 'attach'), query, take, signal)
    } catch (error) {
      signal.throwIfAborted()
      if ((!isPassing(error) && !hasStatus(error, 400)) || Date.now() > deadline) throw error
    }
    await sleep(againMs, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}

/** Runs until the command has ended; `started` is called when it begins. The pod waits at its gate. */
export async function sitAt(
  kube: Kube,
  { view, pod, sitting, timeoutSeconds }: { view: PodView; pod: Pod; sitting: Sitting; timeoutSeconds: number },
  io: SessionIo,
  started: (session: Started) => void,
): Promise<number> {
  const { namespace = '', name = '' } = pod.metadata ?? {}
  const container = pod.spec?.containers[0]?.name ?? ''
  const place: Place = { kube, namespace, pod: name, container, session: sitting.session }
  const tty = io.terminal !== null
  const over = new AbortController()
  const cancel = (): void => over.abort(io.signal.reason)
  const timer = setTimeout(() => over.abort(timeoutError(timeoutSeconds)), timeoutSeconds * 1000)
  io.signal.addEventListener('abort', cancel)
  if (io.signal.aborted) cancel()
  const cancelled = untilAborted(over.signal)
  const dial = (take: Take, signal: AbortSignal): Promise<KubeSocket> => attach(kube, pod, tty, take, signal)
  let isOver = false
  let leave = (): void => {}
  try {
    const seat = await takeSeat({
      io: withSignal(io, over.signal),
      answers: sitting.answers,
      tellsEnd: true,
      dial,
      dialInput: dial,
    })
    leave = () => seat.leave()
    started(startedAt(place, seat, () => isOver))
    setImmediate(() => seat.begin())
    const ended = untilEnded(view, over.signal)
    // A pod that is deleted may take its connection along or not.
    const outcome = await Promise.race([seat.ended, cancelled, ended.then(() => seat.ended)])
    over.signal.throwIfAborted()
    const code = outcome?.code ?? null
    if (code !== null) await refuseDeleted(kube, pathOf('v1/Pod', namespace, name), code, over.signal)
    if (code !== null && code !== killedCode) return code
    const last = await Promise.race([ended, sleep(lagMs, undefined, { ref: false })])
    if (!last || !outcome) throw new Error(`the connection to the command in ${name} was lost`)
    if (last.metadata?.deletionTimestamp !== undefined) throw deletedError()
    const say = (text: string): void => void io.output(tty ? 'stdout' : 'stderr', Buffer.from(text)).catch(() => {})
    return exitOf(last, timeoutSeconds, say)
  } finally {
    isOver = true
    clearTimeout(timer)
    io.signal.removeEventListener('abort', cancel)
    leave()
  }
}
