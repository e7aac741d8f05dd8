// How does an app come by a namespace of its own, and what is said on it (docs/contract/api.md §4.1)?
import { createHash } from 'node:crypto'
import type { Kube } from '../client/client.ts'
import { hasStatus } from '../client/error.ts'
import { type Namespace, pathOf } from '../client/objects.ts'
import { NameTaken } from '@deis/ports/scheduler'
import type { Backend } from './backend.ts'
import { appAnnotation, heritage, platformAnnotation } from './manifests/labels.ts'
import { appPolicy, nameLabel } from './manifests/network.ts'
import { type Level, levelFor, marksOf } from './manifests/security.ts'

/** Which policy the namespace has, so that nobody has to look: settings change, and so do versions of the platform. */
const networkAnnotation = 'deis.io/network'

const networkMark = ({ options }: Backend, app: string): string =>
  createHash('sha256')
    .update(JSON.stringify(appPolicy(app, options.network)))
    .digest('hex')
    .slice(0, 16)

export const isOurs = ({ metadata }: Namespace, app: string, platform: string): boolean =>
  metadata?.labels?.heritage === heritage.heritage &&
  metadata.annotations?.[appAnnotation] === app &&
  metadata.annotations[platformAnnotation] === platform

function wanted(backend: Backend, app: string): Namespace {
  const { platform, podSecurity } = backend.options
  const marks = marksOf({}, levelFor(null, podSecurity))
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: app,
      labels: { ...marks?.labels, ...heritage },
      annotations: {
        ...marks?.annotations,
        [appAnnotation]: app,
        [platformAnnotation]: platform,
        [networkAnnotation]: networkMark(backend, app),
      },
    },
  }
}

/** @throws NameTaken */
export async function ownNamespace(backend: Backend, app: string, signal: AbortSignal): Promise<Namespace> {
  const { kube, options } = backend
  const path = pathOf('v1/Namespace', undefined, app)
  let there = await kube.find<Namespace>(path, { signal })
  if (!there) {
    try {
      return await kube.create<Namespace>(pathOf('v1/Namespace'), wanted(backend, app), { signal })
    } catch (error) {
      // Somebody was faster, or a call that seemed lost was heard.
      if (!hasStatus(error, 409)) throw error
      there = await kube.get<Namespace>(path, { signal })
    }
  }
  if (!isOurs(there, app, options.platform))
    throw new NameTaken(`the cluster has a namespace ${app} that is not an app of this platform`)
  if (there.metadata?.deletionTimestamp !== undefined)
    throw new NameTaken(`the namespace ${app} is still being deleted: try again in a moment`)
  return there
}

/** Brings the rules around the app's pods to what the settings say; `anew`: whatever the namespace says of them. */
export async function furnish(
  backend: Backend,
  app: string,
  there: Namespace,
  signal: AbortSignal,
  anew = false,
): Promise<Namespace> {
  const { kube, options } = backend
  const mark = networkMark(backend, app)
  const isMarked = there.metadata?.annotations?.[networkAnnotation] === mark
  if (anew || !isMarked) await kube.apply(appPolicy(app, options.network), { signal })
  if (isMarked) return there
  const isNew = there.metadata?.labels?.['pod-security.kubernetes.io/enforce'] === undefined
  const marks = isNew ? marksOf(there, levelFor(null, options.podSecurity)) : null
  const annotations = { ...marks?.annotations, [networkAnnotation]: mark }
  return kube.patch<Namespace>(
    pathOf('v1/Namespace', undefined, app),
    { metadata: { ...(marks ? { labels: marks.labels } : {}), annotations } },
    { signal },
  )
}

/** What the namespace enforces from now on. Only what the platform itself has put there is changed. */
export async function enforce(
  { kube }: Backend,
  app: string,
  there: Namespace,
  level: Level,
  signal: AbortSignal,
): Promise<Namespace> {
  const marks = marksOf(there, level)
  return marks ? kube.patch<Namespace>(pathOf('v1/Namespace', undefined, app), { metadata: marks }, { signal }) : there
}

/** Servers before 1.21 do not say a namespace's name in its labels, which is all that policies can go by. */
export async function nameNamespace(kube: Kube, name: string): Promise<void> {
  const path = pathOf('v1/Namespace', undefined, name)
  const there = await kube.get<Namespace>(path)
  if (there.metadata?.labels?.[nameLabel] === name) return
  await kube.patch(path, { metadata: { labels: { [nameLabel]: name } } })
}
