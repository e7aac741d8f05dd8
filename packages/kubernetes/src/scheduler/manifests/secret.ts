// Which secrets does a release need: its environment, and credentials to pull its image (docs/contract/api.md §4.3, §4.5)?
import type { Secret } from '../../client/objects.ts'
import { dockerHub, registrySecret } from '../../cluster/registry-credentials.ts'
import type { Credentials } from '@deis/ports/registry'
import type { Artifact } from '@deis/ports/scheduler'
import { appLabels, versionOf } from './labels.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')

export const envSecretName = (app: string, release: number): string => `${app}-${versionOf(release)}-env`

/** Keys are the variables' own names: changed ones could collide. */
export function envSecret(
  app: string,
  release: number,
  env: Readonly<Record<string, string>>,
  name = envSecretName(app, release),
): Secret {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: app, labels: { ...appLabels(app), version: versionOf(release), type: 'env' } },
    type: 'Opaque',
    data: Object.fromEntries(Object.entries(env).map(([key, value]) => [key, base64(value)])),
  }
}

/** The registry's host in an image reference; null: Docker Hub. */
export function hostOf(reference: string): string | null {
  const [first = '', ...rest] = reference.split('/')
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost')
  return !isHost || first === 'docker.io' || first === 'index.docker.io' ? null : first
}

export type PullOptions = {
  readonly secretPrefix: string
  readonly registryCredentials: Readonly<Record<string, Credentials>>
}

/**
 * The app's own registry and, for what was built here, the platform's: nodes try both. None for a public image.
 */
export function pullSecrets(
  app: string,
  artifact: Artifact,
  registry: Readonly<Record<string, string>>,
  { secretPrefix, registryCredentials }: PullOptions,
): Secret[] {
  if (artifact.kind !== 'image') return []
  const host = hostOf(artifact.reference)
  const { username, password, hostname } = registry
  const secret = (name: string, key: string, credentials: Credentials): Secret =>
    registrySecret({ name, namespace: app, labels: appLabels(app) }, { [key]: credentials })
  const platforms = registryCredentials[host ?? 'docker.io'] ?? registryCredentials[host ?? dockerHub]
  return [
    ...(username !== undefined && password !== undefined
      ? [secret(secretPrefix, hostname ?? host ?? dockerHub, { username, password })]
      : []),
    ...(platforms ? [secret(`${secretPrefix}-off-cluster`, host ?? dockerHub, platforms)] : []),
  ]
}
