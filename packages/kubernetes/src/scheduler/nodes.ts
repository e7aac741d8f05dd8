// On how many nodes may pods with these tags run?
import type { Kube } from '../client/client.ts'
import { type Node, pathOf } from '../client/objects.ts'

export async function matchingNodes(
  kube: Kube,
  tags: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<number> {
  const labelSelector = Object.entries(tags)
    .map(([key, value]) => `${key}=${value}`)
    .join(',')
  const { items } = await kube.list<Node>(pathOf('v1/Node'), {
    query: { labelSelector: labelSelector === '' ? undefined : labelSelector },
    signal,
  })
  return items.filter((node) => node.spec?.unschedulable !== true).length
}
