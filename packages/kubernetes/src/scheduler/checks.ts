// Which features does this cluster have for apps, and which not (docs/architecture.md, principle 6)?
import type { Check } from '@deis/types'
import { messageOf } from '@deis/types'
import type { Kube } from '../client/client.ts'
import { type Node, pathOf } from '../client/objects.ts'
import type { Capabilities } from '@deis/ports/scheduler'
import type { Backend } from './backend.ts'
import { isShut } from './manifests/network.ts'

type Access = { readonly status?: { readonly allowed?: boolean; readonly reason?: string } }
type Right = {
  readonly group: string
  readonly resource: string
  readonly subresource?: string
  readonly verb: string
}
type Groups = { readonly groups?: readonly { readonly name: string }[] }

/** Checked so that missing rights show here, and not at the next `deis create`. */
const needed: readonly Right[] = [
  { group: '', resource: 'namespaces', verb: 'create' },
  { group: '', resource: 'namespaces', verb: 'patch' },
  { group: '', resource: 'namespaces', verb: 'delete' },
  { group: '', resource: 'secrets', verb: 'patch' },
  { group: '', resource: 'pods', verb: 'create' },
  { group: '', resource: 'pods', subresource: 'attach', verb: 'create' },
  { group: '', resource: 'pods', subresource: 'exec', verb: 'create' },
  { group: '', resource: 'nodes', verb: 'list' },
  { group: 'apps', resource: 'deployments', verb: 'patch' },
  { group: 'networking.k8s.io', resource: 'networkpolicies', verb: 'patch' },
]

async function rights({ kube }: Backend): Promise<Check> {
  const asked = needed.map(async ({ group, resource, subresource, verb }: Right) => {
    const { status } = await kube.create<Access>('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { group, resource, subresource, verb } },
    })
    return status?.allowed === true
      ? []
      : [`${verb} ${subresource === undefined ? resource : `${resource}/${subresource}`}`]
  })
  const lacking = (await Promise.all(asked)).flat()
  return lacking.length === 0
    ? { name: 'rights', status: 'ok', detail: 'the platform may create and delete what apps need' }
    : {
        name: 'rights',
        status: 'missing',
        concern: 'broken',
        detail: `the platform may not ${lacking.join(', ')}: give it its ClusterRole`,
      }
}

async function nodes({ kube }: Backend): Promise<Check> {
  const { items } = await kube.list<Node>(pathOf('v1/Node'))
  const ready = items.filter(
    ({ spec, status }) =>
      spec?.unschedulable !== true &&
      status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') === true,
  ).length
  return {
    name: 'nodes',
    status: ready === 0 ? 'missing' : ready === items.length ? 'ok' : 'limited',
    detail: `${ready} of ${items.length} nodes take pods`,
    ...(ready === 0 ? { concern: 'broken' } : {}),
  }
}

const unmeasured = 'the cluster has no metrics, so autoscalers do nothing: install a metrics server'

/** Whether the cluster serves the metrics that autoscalers need. */
export async function isMeasured(kube: Kube): Promise<boolean> {
  const { groups = [] } = await kube.get<Groups>('/apis')
  return groups.some((one) => one.name === 'metrics.k8s.io')
}

async function autoscale({ kube }: Backend): Promise<Check> {
  return (await isMeasured(kube))
    ? { name: 'autoscale', status: 'ok', detail: 'the cluster has metrics of pods' }
    : { name: 'autoscale', status: 'limited', detail: `${unmeasured}; rules for them are refused until then` }
}

function network({ options }: Backend): Check {
  const { routers, sources } = options.network
  const allowed = [...(routers === null ? [] : [`the routers in ${routers}`]), ...sources]
  return isShut(options.network)
    ? {
        name: 'network',
        status: 'ok',
        detail: `apps are reached by ${allowed.join(', ')} and themselves alone, where the network of the cluster enforces NetworkPolicies`,
      }
    : {
        name: 'network',
        status: 'limited',
        concern: 'exposed',
        detail:
          'apps are reached by every pod: set DEIS_APP_SOURCES to what sends their requests, the namespace of an Ingress controller or the address of a router',
      }
}

function settings({ options, version, pods }: Backend): Check[] {
  const { routing, ingressClass, ingressIssuer } = options
  const native = pods.nativeSleep ? 'the sleep action' : 'a `sleep` command, which the image should have'
  return [
    { name: 'kubernetes', status: 'ok', detail: version },
    {
      name: 'routing',
      status: 'ok',
      detail:
        routing === 'router'
          ? 'requests come through the router of the platform'
          : `requests come through Ingress objects of class ${ingressClass ?? '(the default of the cluster)'}, ${ingressIssuer === null ? 'without certificates' : `with certificates of the ClusterIssuer ${ingressIssuer}`}`,
    },
    { name: 'drain', status: 'ok', detail: `pods go on serving for ${options.drainSeconds} s by ${native}` },
  ]
}

const orMissing =
  (name: string) =>
  (error: unknown): Check => ({ name, status: 'missing', detail: messageOf(error), concern: 'broken' })

async function checks(backend: Backend): Promise<Check[]> {
  const asked = await Promise.all([
    nodes(backend).catch(orMissing('nodes')),
    rights(backend).catch(orMissing('rights')),
    autoscale(backend).catch(orMissing('autoscale')),
  ])
  return [...settings(backend), network(backend), ...asked]
}

export async function capabilitiesOf(backend: Backend): Promise<Capabilities> {
  const measured = await backend.measured.get()
  return {
    cluster: true,
    slugs: false,
    images: true,
    memoryLimits: true,
    cpuLimits: true,
    tags: true,
    healthchecks: true,
    autoscale: measured,
    ...(measured ? {} : { noAutoscale: unmeasured }),
    checks: () => checks(backend),
  }
}
