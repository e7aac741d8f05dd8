// How is a namespace created, or found if another controller was faster?
import type { Kube } from '../client/client.ts'
import { hasStatus } from '../client/error.ts'
import { type Namespace, pathOf } from '../client/objects.ts'

/** The caller checks whose it is. */
export async function findOrCreateNamespace(
  kube: Kube,
  wanted: Namespace,
  signal: AbortSignal | undefined,
): Promise<Namespace> {
  const path = pathOf('v1/Namespace', undefined, wanted.metadata?.name)
  const there = await kube.find<Namespace>(path, { signal })
  if (there) return there
  try {
    return await kube.create<Namespace>(pathOf('v1/Namespace'), wanted, { signal })
  } catch (error) {
    // It was created meanwhile, or by an earlier call whose answer was lost.
    if (!hasStatus(error, 409)) throw error
    return kube.get<Namespace>(path, { signal })
  }
}
