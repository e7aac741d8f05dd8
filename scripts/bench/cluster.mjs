// How does a measurement on a Kubernetes cluster come to a platform, a person with the command line, and kubectl?
import { randomBytes } from 'node:crypto'
import { deisOf, startPlatform } from './platform.mjs'
import { run } from './processes.mjs'

export const cluster =
  process.env.KUBECONFIG && process.env.TEST_REGISTRY
    ? { kubeconfig: process.env.KUBECONFIG, registry: process.env.TEST_REGISTRY }
    : null

export const kubectl = (scope, ...args) => run(scope, 'kubectl', args)

/** The platform here, its apps on the cluster; `deis` is the built command line of a person who is signed in. */
export async function startOnCluster({ root, scope, env = {} }) {
  const prefix = `bench-${randomBytes(3).toString('hex')}`
  const platform = await startPlatform({
    root,
    scope,
    env: {
      DEIS_SCHEDULER: 'kubernetes',
      DEIS_REGISTRY_INSECURE: cluster.registry,
      DEIS_BUILD_NAMESPACE: `${prefix}-builds`,
      KUBERNETES_POD_TERMINATION_GRACE_PERIOD_SECONDS: '1',
      DEIS_POD_DRAIN_SECONDS: '1',
      KUBECONFIG: cluster.kubeconfig,
      ...env,
    },
  })
  const patient = { signal: new AbortController().signal }
  scope.defer(async () => {
    const { stdout: text } = await kubectl(patient, 'get', 'namespaces', '--output=name')
    const ours = text.split('\n').filter((name) => name.startsWith(`namespace/${prefix}`))
    if (ours.length > 0) await kubectl(patient, 'delete', '--wait=false', ...ours)
  })
  return { ...platform, prefix, deis: await deisOf({ root, scope }, platform) }
}
