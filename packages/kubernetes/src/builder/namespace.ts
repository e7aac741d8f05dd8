// In which namespace do builds run, with which network policy and which credentials for images?
import type { Kube } from '../client/client.ts'
import { egressBut } from '../cluster/egress.ts'
import { hasHeritage, heritage } from '../cluster/labels.ts'
import { findOrCreateNamespace } from '../cluster/namespace.ts'
import { registrySecret } from '../cluster/registry-credentials.ts'
import { levelAnnotation, podSecurityLabel } from '../cluster/security.ts'
import { registryAuth } from '@deis/buildpacks/cnb/registry-auth'
import { type Namespace, type NetworkPolicy, pathOf, type Secret } from '../client/objects.ts'
import { authSecret, pullSecret } from './pod.ts'
import type { Settings } from './options.ts'

/** No stricter level lets the container that builds a Dockerfile do without the runtime's profiles (dockerfile-job.ts). */
const level = 'privileged'

const marks = {
  labels: {
    [podSecurityLabel('enforce')]: level,
    [podSecurityLabel('warn')]: level,
    [podSecurityLabel('audit')]: 'restricted',
  },
  annotations: { [levelAnnotation]: level },
}

/** Whether it has the level that releases of the platform set which did not note it: builds of Dockerfiles would be refused. */
const hasFormerLevel = ({ metadata }: Namespace): boolean =>
  metadata?.labels?.[podSecurityLabel('enforce')] === 'baseline' &&
  metadata.annotations?.[levelAnnotation] === undefined

/** The namespace exists and is not ours. */
export class ForeignNamespace extends Error {}

/** Nothing may connect to a build; a build may connect to everything but the networks that are blocked for apps, too. */
const buildPolicy = (namespace: string, blocked: readonly string[]): NetworkPolicy => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'deis-builds', namespace, labels: heritage },
  spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'], egress: egressBut(blocked) },
})

/** For the phases of Cloud Native Buildpacks that read and write images. */
const phaseSecret = (namespace: string, auth: string): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: authSecret.name, namespace, labels: heritage },
  stringData: { [authSecret.key]: auth },
})

async function ensureNamespace(kube: Kube, name: string, signal?: AbortSignal): Promise<void> {
  const metadata = { name, labels: { ...heritage, ...marks.labels }, annotations: marks.annotations }
  const found = await findOrCreateNamespace(kube, { apiVersion: 'v1', kind: 'Namespace', metadata }, signal)
  if (!hasHeritage(found))
    throw new ForeignNamespace(
      `the namespace "${name}" has no label heritage=deis, so it is not the platform's: choose another one for builds, or label it`,
    )
  if (hasFormerLevel(found)) await kube.patch(pathOf('v1/Namespace', undefined, name), { metadata: marks }, { signal })
}

/** @throws ForeignNamespace; KubeError. */
export async function prepareNamespace(
  { kube, namespace, blocked, target: { host }, credentials, cnb }: Settings,
  signal?: AbortSignal,
): Promise<void> {
  await ensureNamespace(kube, namespace, signal)
  await kube.apply(buildPolicy(namespace, blocked), { signal })
  if (!credentials) return
  const own = { [host]: credentials }
  await kube.apply(registrySecret({ name: pullSecret, namespace, labels: heritage }, own), { signal })
  const auth = registryAuth(own)
  if (cnb && auth !== null) await kube.apply(phaseSecret(namespace, auth), { signal })
}
