// Which Pod Security level does an app's namespace enforce, and which pods keep to it?
import { levelAnnotation, podSecurityLabel } from '../../cluster/security.ts'
import type { Namespace } from '../../client/objects.ts'
import type { Artifact } from '@deis/ports/scheduler'

/** The published levels of Pod Security: a namespace that enforces one refuses every pod that asks for more. */
export type Level = 'privileged' | 'baseline' | 'restricted'

const enforcedOn = ({ metadata }: Namespace): string | undefined => metadata?.labels?.[podSecurityLabel('enforce')]

/** A slug needs no rights. An image runs as it is, unless its namespace is stricter. */
export const isRestricted = (artifact: Artifact, namespace: Namespace): boolean =>
  (artifact.kind === 'image' && artifact.launcher === 'slug') || enforcedOn(namespace) === 'restricted'

/** The strictest level that every pod of the artifact keeps to, but not above `most`. */
export function levelFor(artifact: Pick<Artifact & { kind: 'image' }, 'launcher'> | null, most: Level): Level {
  return most === 'restricted' && artifact?.launcher !== 'slug' ? 'baseline' : most
}

/** The labels and the annotation that the namespace still needs; null: it has them, or the operator has chosen others. */
export function podSecurityLabels(
  { metadata }: Namespace,
  level: Level,
): Pick<NonNullable<Namespace['metadata']>, 'labels' | 'annotations'> | null {
  const enforced = metadata?.labels?.[podSecurityLabel('enforce')]
  const ours = metadata?.annotations?.[levelAnnotation]
  if (enforced !== ours || enforced === level) return null
  const advice = Object.fromEntries(
    (['warn', 'audit'] as const)
      .filter((mode) => metadata?.labels?.[podSecurityLabel(mode)] === undefined)
      .map((mode) => [podSecurityLabel(mode), 'restricted']),
  )
  return { labels: { ...advice, [podSecurityLabel('enforce')]: level }, annotations: { [levelAnnotation]: level } }
}
