// How does a session run a command in a pod that is up?
import type { Kube } from '../../client/client.ts'
import { hasStatus, KubeError } from '../../client/error.ts'
import { pathOf, type Pod } from '../../client/objects.ts'
import { cnbLauncher, cnbProcess, NoSuchPod, type SessionIo, slugLauncher } from '@deis/ports/scheduler'
import type { Started } from '@deis/ports/started'
import type { KubernetesOptions } from '../backend.ts'
import { appLabels } from '../manifests/labels.ts'
import { handshakeArguments, type Launch, newSessionTokens } from '@deis/container/session/handshake'
import { runSession, type Wiring } from '@deis/container/session/session'
import { endSession } from '@deis/container/session/signal'
import { stateOf } from '../state.ts'
import { explain, targetOf } from './wiring.ts'

function launchOf(pod: Pod): Launch {
  const [first] = pod.spec?.containers[0]?.command ?? []
  if (first === undefined) return 'either'
  if (first === cnbLauncher || first.startsWith(cnbProcess(''))) return 'cnb'
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
  const tokens = newSessionTokens()
  const target = targetOf({ kube, namespace: app, pod: name, container }, tokens.session)
  const tty = io.terminal !== null
  const words = handshakeArguments(tokens, { launch: launchOf(pod), command }, io)
  const query = { container, stdin: true, stdout: true, stderr: !tty, tty, command: ['sh', '-c', ...words] }
  const ended = (error: unknown): never => {
    if (hasStatus(error, 404) || (error instanceof KubeError && /container not found/.test(error.message)))
      throw new NoSuchPod(`the pod ${name} has ended`, { cause: error })
    throw error
  }
  const wiring: Wiring = {
    target,
    markers: tokens.markers,
    marksEnd: false,
    dial: (take, signal) => kube.connect(pathOf('v1/Pod', app, name, 'exec'), query, take, signal).catch(ended),
    dialInput: null,
    // The connection ends with its pod.
    podEnd: new Promise(() => {}),
    async exitCode(outcome) {
      const code = outcome?.code ?? null
      if ((code === null || code > 128) && (await hasGone(kube, pod)))
        throw new Error(`the pod ${name} went away while the command ran`)
      if (code === null) throw new Error(outcome?.message || `the connection to the command in ${name} was lost`)
      return code
    },
    explain,
    // Kubernetes itself would leave the command running.
    abandon: (left) =>
      endSession(target, left).catch((error: unknown) =>
        log('warn', 'a command in a pod may still run', { app, pod: name, err: error }),
      ),
  }
  return runSession(wiring, io, started)
}
