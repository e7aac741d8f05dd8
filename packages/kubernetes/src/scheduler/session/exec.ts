// How does a session run a command in a pod that is up?
import type { Kube } from '../../client/client.ts'
import { hasStatus, KubeError } from '../../client/error.ts'
import { pathOf, type Pod } from '../../client/objects.ts'
import { NoSuchPod, type SessionIo, slugLauncher } from '@deis/ports/scheduler'
import { readProfile } from '@deis/machine/profile'
import type { Started } from '@deis/ports/started'
import type { KubernetesOptions } from '../backend.ts'
import { appLabels } from '../manifests/labels.ts'
import handshake from '../../programs/session-handshake.sh'
import slugCommand from '../../programs/session-slug.sh'
import { newSessionTokens } from './handshake.ts'
import type { Launch } from './script.ts'
import { attachSession } from './attach.ts'
import { endSession, type SessionTarget, startedSession } from './signal.ts'
import { stateOf } from '../state.ts'

/** The arguments of `sh -c` that begin a session. */
export function handshakeArguments(
  { session, launch, command }: { readonly session: string; readonly launch: Launch; readonly command: string },
  { ask, go }: { readonly ask: string; readonly go: string },
  { terminal, input }: Pick<SessionIo, 'terminal' | 'input'>,
): string[] {
  const read = input === null && terminal === null ? 'none' : 'some'
  const forSlugs = launch === 'shell' ? [] : [slugCommand, readProfile]
  return [handshake, 'deis', ask, go, session, terminal?.name ?? '', launch, read, command, ...forSlugs]
}

function launchOf(pod: Pod): Launch {
  const [first] = pod.spec?.containers[0]?.command ?? []
  if (first === undefined) return 'either'
  return first === slugLauncher ? 'slug' : 'shell'
}

/** A pod of that name may not belong to the app. */
async function findPod(kube: Kube, app: string, name: string, signal: AbortSignal): Promise<Pod> {
  const pod = await kube.find<Pod>(pathOf('v1/Pod', app, name), { signal })
  const labels = pod?.metadata?.labels ?? {}
  if (!pod || Object.entries(appLabels(app)).some(([key, value]) => labels[key] !== value))
    throw new NoSuchPod(`${app} has no pod ${name}`)
  const state = stateOf(pod)
  if (state !== 'up') throw new NoSuchPod(`the pod ${name} is ${state}, not up`)
  return pod
}

/** Whether the pod was deleted, replaced or told to end. */
async function hasGone(kube: Kube, pod: Pod): Promise<boolean> {
  const { namespace, name, uid } = pod.metadata ?? {}
  const now = await kube.find<Pod>(pathOf('v1/Pod', namespace, name))
  return !now || now.metadata?.uid !== uid || now.metadata?.deletionTimestamp !== undefined || stateOf(now) !== 'up'
}

/** Resolves when the command has ended; calls `started` when it begins. */
export async function execInPod(
  { kube, log }: { readonly kube: Kube; readonly log: KubernetesOptions['log'] },
  wanted: { readonly app: string; readonly pod: string; readonly command: string },
  io: SessionIo,
  started: (session: Started) => void,
): Promise<number> {
  const { app, pod: name, command } = wanted
  const pod = await findPod(kube, app, name, io.signal)
  const container = pod.spec?.containers[0]?.name ?? ''
  const { session, markers } = newSessionTokens()
  const target: SessionTarget = { kube, namespace: app, pod: name, container, session }
  const attachment = await attachSession({
    io,
    markers,
    marksEnd: false,
    dialInput: null,
    dial(take, signal) {
      const tty = io.terminal !== null
      const argument = handshakeArguments({ session, launch: launchOf(pod), command }, markers, io)
      const query = { container, stdin: true, stdout: true, stderr: !tty, tty, command: ['sh', '-c', ...argument] }
      return kube.connect(pathOf('v1/Pod', app, name, 'exec'), query, take, signal)
    },
  }).catch((error: unknown) => {
    if (hasStatus(error, 404) || (error instanceof KubeError && /container not found/.test(error.message)))
      throw new NoSuchPod(`the pod ${name} has ended`, { cause: error })
    throw error
  })
  let isOver = false
  let cancel = (): void => {}
  const cancelled = new Promise<null>((resolve) => {
    cancel = () => resolve(null)
  })
  io.signal.addEventListener('abort', cancel)
  try {
    started(startedSession(target, attachment, () => isOver))
    setImmediate(() => attachment.begin())
    const outcome = io.signal.aborted ? null : await Promise.race([attachment.ended, cancelled])
    io.signal.throwIfAborted()
    const code = outcome?.code ?? null
    if ((code === null || code > 128) && (await hasGone(kube, pod)))
      throw new Error(`the pod ${name} went away while the command ran`)
    if (code === null) throw new Error(outcome?.message || `the connection to the command in ${name} was lost`)
    isOver = true
    return code
  } finally {
    io.signal.removeEventListener('abort', cancel)
    // Kubernetes itself would leave the command running.
    if (!isOver)
      await endSession(target, attachment.ended).catch((error: unknown) =>
        log('warn', 'a command in a pod may still run', { app, pod: name, err: error }),
      )
    isOver = true
    attachment.detach()
  }
}
