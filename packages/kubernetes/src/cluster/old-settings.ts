// Which settings that an earlier install made does nothing of the platform read any more?
import type { Kube } from '../client/client.ts'
import { type KubeObject, pathOf, type ReplicaSet } from '../client/objects.ts'

/** Kustomize ends their names in a digest of their content (packages/install): each change of a setting leaves one behind. */
const generated = /^deis-(settings|router-settings|credentials)-[a-z0-9]{10}$/

/** What ReplicaSets name stays: those are what can be gone back to. @returns what was removed. */
export async function removeOldSettings(kube: Kube, namespace: string): Promise<string[]> {
  const { items } = await kube.list<ReplicaSet>(pathOf('apps/v1/ReplicaSet', namespace))
  const templates = items.map(({ spec }) => JSON.stringify(spec?.template))
  const removed = ['v1/ConfigMap', 'v1/Secret'].map(async (kind) => {
    const found = await kube.list<KubeObject>(pathOf(kind, namespace))
    const names = found.items.map(({ metadata }) => metadata?.name ?? '').filter((name) => generated.test(name))
    const old = names.filter((name) => !templates.some((template) => template.includes(JSON.stringify(name))))
    await Promise.all(old.map((name) => kube.remove(pathOf(kind, namespace, name))))
    return old
  })
  return (await Promise.all(removed)).flat()
}
