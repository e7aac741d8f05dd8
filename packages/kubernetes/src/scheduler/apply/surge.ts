// How many new pods of a type start at once, before old ones end?
import type { Node, Pod } from '../../client/objects.ts'
import { amountOf } from '../manifests/quantity.ts'
import { isActive } from '../state.ts'

type Requests = Readonly<Record<string, string>>
type Labels = Readonly<Record<string, string>>

/** Nodes that take pods with these tags. */
export const matching = (nodes: readonly Node[], tags: Labels): Node[] =>
  nodes.filter(
    ({ metadata, spec }) =>
      spec?.unschedulable !== true && Object.entries(tags).every(([key, value]) => metadata?.labels?.[key] === value),
  )

/** What a container is promised, by which nodes are filled: a limit alone is a promise, too. */
const promised = ({ requests, limits }: { readonly requests?: Requests; readonly limits?: Requests }): Requests => ({
  ...limits,
  ...requests,
})

/** How many more pods that are promised so much fit on a node, as far as the platform's own pods tell. */
function roomOn(node: Node, pods: readonly Pod[], wanted: Requests): number {
  const here = pods.filter((pod) => pod.spec?.nodeName === node.metadata?.name && isActive(pod))
  const allocatable = node.status?.allocatable ?? {}
  const rooms = Object.entries({ pods: '1', ...wanted }).map(([name, each]) => {
    const [all, one] = [amountOf(allocatable[name] ?? ''), amountOf(each)]
    if (all === null || one === null || one === 0) return Infinity
    const taken = here.map((pod) =>
      name === 'pods' ? 1 : (amountOf(promised(pod.spec?.containers[0]?.resources ?? {})[name] ?? '0') ?? 0),
    )
    return Math.floor((all - taken.reduce((sum, amount) => sum + amount, 0)) / one)
  })
  return Math.max(0, Math.min(...rooms))
}

/**
 * DEIS_DEPLOY_BATCHES, or half of the type's pods: at least one for each node, and no more than fit beside what runs. What is
 * started one by one takes as long as all of it together.
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
  const room = nodes.reduce((sum, node) => sum + roomOn(node, pods, promised(resources)), 0)
  return Math.max(1, Math.min(wanted, room))
}
