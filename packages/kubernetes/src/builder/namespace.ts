// In which namespace do builds run, with which network policy and which credentials for images?
import type { Kube } from '../client/client.ts'
import { egressBut } from '../cluster/egress.ts'
import { hasStatus } from '../client/error.ts'
import { type Namespace, type NetworkPolicy, pathOf, type Secret } from '../client/objects.ts'
import type { Credentials } from '@deis/ports/registry'
import { heritage } from './names.ts'
import type { Settings } from './options.ts'
import { pullSecret } from './pod.ts'

/** Dockerfiles are built by root in a container that is not privileged; everything else keeps to the stricter level. */
const levels = {
  'pod-security.kubernetes.io/enforce': 'baseline',
  'pod-security.kubernetes.io/warn': 'baseline',
  'pod-security.kubernetes.io/audit': 'restricted',
}

/** The namespace exists and is not ours. */
export class ForeignNamespace extends Error {}

const isOurs = (found: Namespace): boolean => found.metadata?.labels?.heritage === heritage.heritage

/** The file that container runtimes and buildah read. */
export function dockerConfig(credentials: Readonly<Record<string, Credentials>>): string {
  const auths = Object.entries(credentials).map(([host, { username, password }]) => {
    const auth = Buffer.from(`${username}:${password}`).toString('base64')
    // The key of Docker Hub's credentials.
    return [host === 'docker.io' ? 'https://index.docker.io/v1/' : host, { username, password, auth }]
  })
  return JSON.stringify({ auths: Object.fromEntries(auths) as object })
}

/** Nothing may connect to a build; a build may connect to everything but the networks that are blocked for apps, too. */
const buildPolicy = (namespace: string, blocked: readonly string[]): NetworkPolicy => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'deis-builds', namespace, labels: heritage },
  spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'], egress: egressBut(blocked) },
})

const secret = (namespace: string, host: string, credentials: Credentials): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: pullSecret, namespace, labels: heritage },
  type: 'kubernetes.io/dockerconfigjson',
  data: { '.dockerconfigjson': Buffer.from(dockerConfig({ [host]: credentials })).toString('base64') },
})

async function ensureNamespace(kube: Kube, name: string, signal?: AbortSignal): Promise<void> {
  const path = pathOf('v1/Namespace', undefined, name)
  let found = await kube.find<Namespace>(path, { signal })
  if (!found) {
    const wanted: Namespace = {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, labels: { ...heritage, ...levels } },
    }
    try {
      found = await kube.create<Namespace>(pathOf('v1/Namespace'), wanted, { signal })
    } catch (error) {
      // Another controller has created it meanwhile.
      if (!hasStatus(error, 409)) throw error
      found = await kube.get<Namespace>(path, { signal })
    }
  }
  if (!isOurs(found))
    throw new ForeignNamespace(
      `the namespace "${name}" has no label heritage=deis, so it is not the platform's: choose another one for builds, or label it`,
    )
}

/** @throws ForeignNamespace; KubeError. */
export async function prepareNamespace(
  { kube, namespace: name, blocked, target: { host }, credentials }: Settings,
  signal?: AbortSignal,
): Promise<void> {
  await ensureNamespace(kube, name, signal)
  await kube.apply(buildPolicy(name, blocked), { signal })
  if (credentials) await kube.apply(secret(name, host, credentials), { signal })
}
