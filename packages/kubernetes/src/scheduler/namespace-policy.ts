// Whose is a namespace, and which network policy and Pod Security level does it have (docs/contract/api.md §4.1)?
import { createHash } from 'node:crypto'
import type { Kube } from '../client/client.ts'
import { type Namespace, pathOf } from '../client/objects.ts'
import { NameTaken } from '@deis/ports/scheduler'
import type { Backend } from './backend.ts'
import { hasHeritage, heritage } from '../cluster/labels.ts'
import { findOrCreateNamespace } from '../cluster/namespace.ts'
import { podSecurityLabel } from '../cluster/security.ts'
import { appAnnotation, platformAnnotation } from './manifests/labels.ts'
import { appPolicy, nameLabel } from './manifests/network.ts'
import { type Level, levelFor, podSecurityLabels } from './manifests/security.ts'

/** A digest of the network policy in the namespace, which changes with settings and versions of the platform. */
const networkAnnotation = 'deis.io/network'

const policyDigest = ({ options }: Backend, app: string): string =>
  createHash('sha256')
    .update(JSON.stringify(appPolicy(app, options.network)))
    .digest('hex')
    .slice(0, 16)

export const isOurs = (there: Namespace, app: string, platform: string): boolean =>
  hasHeritage(there) &&
  there.metadata?.annotations?.[appAnnotation] === app &&
  there.metadata.annotations[platformAnnotation] === platform

function wanted(backend: Backend, app: string): Namespace {
  const { platform, podSecurity } = backend.options
  const podSecurityMetadata = podSecurityLabels({}, levelFor(null, podSecurity))
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: app,
      labels: { ...podSecurityMetadata?.labels, ...heritage },
      annotations: {
        ...podSecurityMetadata?.annotations,
        [appAnnotation]: app,
        [platformAnnotation]: platform,
        [networkAnnotation]: policyDigest(backend, app),
      },
    },
  }
}

/** Creates the namespace, or finds it as ours. @throws NameTaken */
export async function claimNamespace(backend: Backend, app: string, signal: AbortSignal): Promise<Namespace> {
  const { kube, options } = backend
  const there = await findOrCreateNamespace(kube, wanted(backend, app), signal)
  if (!isOurs(there, app, options.platform))
    throw new NameTaken(`the cluster has a namespace "${app}" that is not an app of this platform`)
  if (there.metadata?.deletionTimestamp !== undefined)
    throw new NameTaken(`the namespace "${app}" is still being deleted: try again in a moment`)
  return there
}

/** Brings the namespace's policies to what the settings say; `force`: even if its digest says they are up to date. */
export async function applyPolicies(
  backend: Backend,
  app: string,
  there: Namespace,
  signal: AbortSignal,
  force = false,
): Promise<Namespace> {
  const { kube, options } = backend
  const digest = policyDigest(backend, app)
  const isCurrent = there.metadata?.annotations?.[networkAnnotation] === digest
  if (force || !isCurrent) await kube.apply(appPolicy(app, options.network), { signal })
  if (isCurrent) return there
  const isNew = there.metadata?.labels?.[podSecurityLabel('enforce')] === undefined
  const podSecurity = isNew ? podSecurityLabels(there, levelFor(null, options.podSecurity)) : null
  const annotations = { ...podSecurity?.annotations, [networkAnnotation]: digest }
  return kube.patch<Namespace>(
    pathOf('v1/Namespace', undefined, app),
    { metadata: { ...(podSecurity ? { labels: podSecurity.labels } : {}), annotations } },
    { signal },
  )
}

/** Changes the Pod Security level that the namespace enforces, unless the operator has set it. */
export async function enforce(
  { kube }: Backend,
  app: string,
  there: Namespace,
  level: Level,
  signal: AbortSignal,
): Promise<Namespace> {
  const metadata = podSecurityLabels(there, level)
  return metadata ? kube.patch<Namespace>(pathOf('v1/Namespace', undefined, app), { metadata }, { signal }) : there
}

/** Puts the namespace's name in its labels, by which policies select it. Servers before 1.21 do not do that. */
export async function labelNamespace(kube: Kube, name: string): Promise<void> {
  const path = pathOf('v1/Namespace', undefined, name)
  const there = await kube.get<Namespace>(path)
  if (there.metadata?.labels?.[nameLabel] === name) return
  await kube.patch(path, { metadata: { labels: { [nameLabel]: name } } })
}
