// How many new pods of a type start at once, before old ones end?
import type { Node, Pod } from '../../client/objects.ts'
import { amountOf } from '@deis/container/quantity'
import { isActive } from '../state.ts'

type Requests = Readonly<Record<string, string>>
type Labels = Readonly<Record<string, string>>

/** Nodes that take pods with these tags. */
export const matching = (nodes: readonly Node[], tags: Labels): Node[] =>
  nodes.filter(
    ({ metadata, spec }) =>
      spec?.unschedulable !== true && Object.entries(tags).every(([key, value]) => metadata?.labels?.[key] === value),
  )

/** The requests by which pods are scheduled: a limit without a request counts as one. */
const promised = ({ requests, limits }: { readonly requests?: Requests; readonly limits?: Requests }): Requests => ({
  ...limits,
  ...requests,
})

/** How many more pods with these requests fit on a node, counting only the platform's own pods. */
function capacityOn(node: Node, pods: readonly Pod[], wanted: Requests): number {
  const here = pods.filter((pod) => pod.spec?.nodeName === node.metadata?.name && isActive(pod))
  const allocatable = node.status?.allocatable ?? {}
  const capacities = Object.entries({ pods: '1', ...wanted }).map(([name, each]) => {
    const [all, one] = [amountOf(allocatable[name] ?? ''), amountOf(each)]
    if (all === null || one === null || one === 0) return Infinity
    const taken = here.map((pod) =>
      name === 'pods' ? 1 : (amountOf(promised(pod.spec?.containers[0]?.resources ?? {})[name] ?? '0') ?? 0),
    )
    return Math.floor((all - taken.reduce((sum, amount) => sum + amount, 0)) / one)
  })
  return Math.max(0, Math.min(...capacities))
}

/**
 * DEIS_DEPLOY_BATCHES, or half of the type's pods: at least one for each node, and no more than fit beside what runs. Small
 * batches would make a deploy take much longer.
 */
export function surgeOf(
  batches: number,
  replicas: number,
  {
    nodes,
    pods,
    resources,
  }: {
    readonly nodes: readonly Node[]
    readonly pods: readonly Pod[]
    readonly resources: { readonly requests?: Requests; readonly limits?: Requests }
  },
): number {
  const most = Math.max(1, replicas)
  if (batches > 0) return Math.min(batches, most)
  const wanted = Math.min(most, Math.max(nodes.length, Math.ceil(replicas / 2)))
  const capacity = nodes.reduce((sum, node) => sum + capacityOn(node, pods, promised(resources)), 0)
  return Math.max(1, Math.min(wanted, capacity))
}
