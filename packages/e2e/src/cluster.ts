// How does a platform come up that hands its containers to the test cluster, and leave nothing there?
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { noteNamespaces } from '@deis/ports/testing/namespaces'
import { type Platform, registrationToken, startPlatform } from './platform.ts'

const run = promisify(execFile)

const { KUBECONFIG, TEST_REGISTRY, TEST_NODE_IP } = process.env

/** Null where there is no cluster: tests are skipped by name then. */
export const testCluster =
  KUBECONFIG && TEST_REGISTRY && TEST_NODE_IP ? { registry: TEST_REGISTRY, nodeIp: TEST_NODE_IP } : null

/** Runs kubectl and gives what it prints. */
export async function kubectl(...args: string[]): Promise<string> {
  const { stdout } = await run('kubectl', args, { maxBuffer: 32 * 1024 * 1024, timeout: 120_000 })
  return stdout
}

/** One object, or a list, as the cluster has it. */
export async function objects<T>(...args: string[]): Promise<T> {
  return JSON.parse(await kubectl('get', ...args, '--output=json')) as T
}

export type ClusterPlatform = Platform & {
  readonly registry: string
  /** An app's name, which is also its namespace: nobody else on the cluster has it. */
  name(app: string): string
}

/** Controller and router run here, apps and builds in the cluster. */
export async function startOnCluster(settings: Readonly<Record<string, string>> = {}): Promise<ClusterPlatform> {
  if (!testCluster) throw new Error('there is no test cluster')
  const { registry, nodeIp } = testCluster
  const prefix = noteNamespaces(`e2e-${randomBytes(3).toString('hex')}`)
  const platform = await startPlatform({
    DEIS_SCHEDULER: 'kubernetes',
    // Build pods fetch their source from the controller.
    DEIS_API_HOST: '0.0.0.0',
    DEIS_REGISTRATION_TOKEN: registrationToken,
    POD_IP: nodeIp,
    REGISTRATION_MODE: 'enabled',
    DEIS_REGISTRY_HOSTNAME: registry,
    DEIS_REGISTRY_ORGANIZATION: prefix,
    DEIS_REGISTRY_INSECURE: registry,
    DEIS_STACK_IMAGE: `${registry}/stack:1`,
    DEIS_RUN_IMAGE: `${registry}/stack:1`,
    DEIS_BUILDAH_IMAGE: `${registry}/buildah:1`,
    DEIS_BUILD_NAMESPACE: `${prefix}-builds`,
    KUBERNETES_POD_TERMINATION_GRACE_PERIOD_SECONDS: '3',
    ...settings,
  })
  const stop = async (): Promise<void> => {
    try {
      await platform.stop()
    } finally {
      const names = (await kubectl('get', 'namespaces', '--output=name')).split('\n')
      const ours = names.filter((name) => name.startsWith(`namespace/${prefix}`))
      if (ours.length > 0) await kubectl('delete', '--wait=false', ...ours)
    }
  }
  // Its getters answer for the controller of the moment.
  const more = { registry, name: (app: string) => `${prefix}-${app}`, stop }
  return Object.create(platform, Object.getOwnPropertyDescriptors(more)) as ClusterPlatform
}
