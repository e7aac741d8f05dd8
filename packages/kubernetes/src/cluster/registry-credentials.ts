// In which form do nodes and build tools get credentials for registries?
import type { Credentials } from '@deis/ports/registry'
import type { Secret } from '../client/objects.ts'

/** The key of Docker Hub's credentials. */
export const dockerHub = 'https://index.docker.io/v1/'

const base64 = (text: string): string => Buffer.from(text).toString('base64')

/** The file that container runtimes and buildah read. Credentials are given by registry host. */
export function dockerConfig(credentials: Readonly<Record<string, Credentials>>): string {
  const auths = Object.entries(credentials).map(([host, { username, password }]) => [
    host === 'docker.io' ? dockerHub : host,
    { auth: base64(`${username}:${password}`) },
  ])
  return JSON.stringify({ auths: Object.fromEntries(auths) as object })
}

/** The same as a Secret that pods name in `imagePullSecrets`. */
export const registrySecret = (
  metadata: NonNullable<Secret['metadata']>,
  credentials: Readonly<Record<string, Credentials>>,
): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata,
  type: 'kubernetes.io/dockerconfigjson',
  data: { '.dockerconfigjson': base64(dockerConfig(credentials)) },
})
