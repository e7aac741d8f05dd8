// Which rights do the containers of an app have, and which Pod Security level does its namespace enforce?
import type { Namespace } from '../../client/objects.ts'
import type { Artifact } from '@deis/ports/scheduler'

/** The published levels of Pod Security: a namespace that enforces one refuses every pod that asks for more. */
export type Level = 'privileged' | 'baseline' | 'restricted'

const labelOf = (mode: 'enforce' | 'warn' | 'audit'): string => `pod-security.kubernetes.io/${mode}`
/** The level that the platform has set: any other one is the operator's. */
const levelAnnotation = 'deis.io/pod-security'

type Security = { readonly pod: object; readonly container: object }

/** Unless restricted, an image may run as root with the usual capabilities, but without raw packets. */
export function securityOf(restricted: boolean): Security {
  return {
    pod: { ...(restricted ? { runAsNonRoot: true } : {}), seccompProfile: { type: 'RuntimeDefault' } },
    container: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: [restricted ? 'ALL' : 'NET_RAW'] },
    },
  }
}

const enforcedOn = ({ metadata }: Namespace): string | undefined => metadata?.labels?.[labelOf('enforce')]

/** A slug needs no rights. An image runs as it is, unless its namespace is stricter. */
export const isRestricted = (artifact: Artifact, namespace: Namespace): boolean =>
  (artifact.kind === 'image' && artifact.slug) || enforcedOn(namespace) === 'restricted'

/** The strictest level that every pod of the artifact keeps to, but not above `most`. */
export function levelFor(artifact: Pick<Artifact & { kind: 'image' }, 'slug'> | null, most: Level): Level {
  return most === 'restricted' && artifact?.slug !== true ? 'baseline' : most
}

/** The labels and the annotation that the namespace still needs; null: it has them, or the operator has chosen others. */
export function podSecurityLabels(
  { metadata }: Namespace,
  level: Level,
): Pick<NonNullable<Namespace['metadata']>, 'labels' | 'annotations'> | null {
  const enforced = metadata?.labels?.[labelOf('enforce')]
  const ours = metadata?.annotations?.[levelAnnotation]
  if (enforced !== ours || enforced === level) return null
  const advice = Object.fromEntries(
    (['warn', 'audit'] as const)
      .filter((mode) => metadata?.labels?.[labelOf(mode)] === undefined)
      .map((mode) => [labelOf(mode), 'restricted']),
  )
  return { labels: { ...advice, [labelOf('enforce')]: level }, annotations: { [levelAnnotation]: level } }
}
