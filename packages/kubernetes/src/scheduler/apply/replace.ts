// How is a Deployment's template replaced when server-side apply would leave invalid parts of the old one?
import type { Kube } from '../../client/client.ts'
import { type Deployment, pathOfObject } from '../../client/objects.ts'

type Container = NonNullable<NonNullable<Deployment['spec']>['template']['spec']>['containers'][number]
type Piece = 'readinessProbe' | 'livenessProbe' | 'lifecycle'

/** Each must have exactly one of several members, and an emptied one counts. */
const pieces: readonly Piece[] = ['readinessProbe', 'livenessProbe', 'lifecycle']

const kinds = (probe: object | undefined): string[] =>
  ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'].filter((kind) => kind in (probe ?? {}))

const chosen = (container: Container, piece: Piece): string[] =>
  kinds(piece === 'lifecycle' ? container.lifecycle?.preStop : container[piece])

/** Parts that only the old container has, or that are of another kind: apply removes their fields and leaves `{}`. */
export function leftovers(old: Container | undefined, wanted: Container | undefined): Piece[] {
  if (!old || !wanted) return []
  return pieces.filter((piece) => chosen(old, piece).some((kind) => !chosen(wanted, piece).includes(kind)))
}

const containersOf = (deployment: Deployment): Container[] => deployment.spec?.template.spec?.containers ?? []

/** Applies the manifest. The Deployment is paused between the two calls, so that no pod of the intermediate template starts. */
export async function replace(
  kube: Kube,
  manifest: Deployment,
  live: Deployment,
  signal: AbortSignal,
): Promise<Deployment> {
  const [wanted] = containersOf(manifest)
  const index = containersOf(live).findIndex((one) => one.name === wanted?.name)
  const broken = leftovers(containersOf(live)[index], wanted)
  if (broken.length > 0) {
    const name = `/spec/template/spec/containers/${index}`
    const changes = [
      { op: 'test', path: `${name}/name`, value: wanted?.name },
      { op: 'add', path: '/spec/paused', value: true },
      ...broken.map((piece) => ({ op: 'remove', path: `${name}/${piece}` })),
    ]
    await kube.patch(pathOfObject(manifest), changes, { kind: 'json', signal })
  }
  // Always set: if a controller died between the two calls, the next apply ends the pause.
  const spec = { ...manifest.spec, paused: false } as Deployment['spec']
  return kube.apply<Deployment>({ ...manifest, spec }, { signal })
}
