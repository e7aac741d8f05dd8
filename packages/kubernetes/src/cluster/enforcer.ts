// What stands in for a network plugin that enforces NetworkPolicies, which the bridge of the cluster for tests does not?
// It reads policies as Kubernetes publishes them and writes packet filters into the network namespaces of pods.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import type { Kube } from '../client/client.ts'
import { type Namespace, type NetworkPolicy, pathOf, type Pod } from '../client/objects.ts'

type Selector = { readonly matchLabels?: Readonly<Record<string, string>> }
type Peer = {
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] }
  readonly namespaceSelector?: Selector
  readonly podSelector?: Selector
}
type World = {
  readonly pods: readonly Pod[]
  readonly namespaces: readonly Namespace[]
  readonly policies: readonly NetworkPolicy[]
}

const matches = (selector: Selector | undefined, labels: Readonly<Record<string, string>> = {}): boolean =>
  Object.entries(selector?.matchLabels ?? {}).every(([key, value]) => labels[key] === value)

/** The addresses that a peer stands for, as nft has them: what counts, and what does not. */
function blocksOf({ pods, namespaces }: World, own: string, peer: Peer): { cidr: string; except: readonly string[] }[] {
  if (peer.ipBlock) return [{ except: [], ...peer.ipBlock }]
  const names = peer.namespaceSelector
    ? namespaces
        .filter(({ metadata }) => matches(peer.namespaceSelector, metadata?.labels))
        .map((one) => one.metadata?.name)
    : [own]
  return pods
    .filter(({ metadata }) => names.includes(metadata?.namespace) && matches(peer.podSelector, metadata?.labels))
    .flatMap(({ status }) => (status?.podIP === undefined ? [] : [{ cidr: `${status.podIP}/32`, except: [] }]))
}

function chain(world: World, pod: Pod, direction: 'Ingress' | 'Egress', always: readonly string[]): string[] {
  const own = pod.metadata?.namespace ?? ''
  const mine = world.policies.filter(
    ({ metadata, spec }) =>
      metadata?.namespace === own &&
      matches(spec?.podSelector, pod.metadata?.labels) &&
      (spec?.policyTypes ?? ['Ingress']).includes(direction),
  )
  if (mine.length === 0) return []
  const side = direction === 'Ingress' ? 'saddr' : 'daddr'
  const rules: readonly (readonly Peer[] | undefined)[] = mine.flatMap(({ spec }) =>
    direction === 'Ingress' ? (spec?.ingress ?? []).map(({ from }) => from) : (spec?.egress ?? []).map(({ to }) => to),
  )
  const lines = rules.flatMap((peers) => {
    if (peers === undefined || peers.length === 0) return ['accept']
    return peers
      .flatMap((peer) => blocksOf(world, own, peer))
      .map(({ cidr, except }) => {
        const family = cidr.includes(':') ? 'ip6' : 'ip'
        const without = except.length === 0 ? '' : ` ${family} ${side} != { ${except.join(', ')} }`
        return `${family} ${side} ${cidr}${without} accept`
      })
  })
  return ['ct state established,related accept', ...always, ...lines, 'drop']
}

/** A process of the pod, by its control group. */
function processOf(uid: string): string {
  const found = readdirSync('/proc').find((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      return readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(uid)
    } catch {
      return false
    }
  })
  if (found === undefined) throw new Error(`no process of the pod ${uid} runs on this machine`)
  return found
}

/** Every pod that runs now, in these namespaces, keeps to the policies that are there now. */
export async function enforcePolicies(kube: Kube, namespaces: readonly string[]): Promise<void> {
  const [pods, all, policies] = await Promise.all([
    kube.list<Pod>(pathOf('v1/Pod')),
    kube.list<Namespace>(pathOf('v1/Namespace')),
    kube.list<NetworkPolicy>(pathOf('networking.k8s.io/v1/NetworkPolicy')),
  ])
  const world = { pods: pods.items, namespaces: all.items, policies: policies.items }
  for (const pod of pods.items) {
    if (!namespaces.includes(pod.metadata?.namespace ?? '') || pod.status?.phase !== 'Running') continue
    const inside = ['--net', '--target', processOf(pod.metadata?.uid ?? '')]
    const route = execFileSync('nsenter', [...inside, 'ip', 'route', 'show', 'default'], { encoding: 'utf8' })
    // "Traffic to and from the node where a pod runs is always allowed."
    const node = [/via (\S+)/.exec(route)?.[1], pod.status.hostIP].filter((one) => one !== undefined)
    const input = chain(world, pod, 'Ingress', [`iif lo accept`, `ip saddr { ${node.join(', ')} } accept`])
    const output = chain(world, pod, 'Egress', ['oif lo accept'])
    const table = [
      'table inet standin',
      'delete table inet standin',
      'table inet standin {',
      `chain in { type filter hook input priority 0; policy accept; ${input.join('; ')}\n}`,
      `chain out { type filter hook output priority 0; policy accept; ${output.join('; ')}\n}`,
      '}',
    ]
    execFileSync('nsenter', [...inside, 'nft', '-f', '-'], { input: table.join('\n') })
  }
}
