// With which rights do the containers of an app run, and what does its namespace say of them?
import type { Namespace, Pod } from '../../client/objects.ts'
import type { Artifact } from '@deis/ports/scheduler'

/** The published levels of Pod Security: a namespace that enforces one refuses every pod that asks for more. */
export type Level = 'privileged' | 'baseline' | 'restricted'

const labelOf = (mode: 'enforce' | 'warn' | 'audit'): string => `pod-security.kubernetes.io/${mode}`
/** What the platform has put on itself: any other value is the operator's. */
export const levelAnnotation = 'deis.io/pod-security'

type Security = { readonly pod: object; readonly container: object }

/** An image may count on being root, and on the usual capabilities, where nobody forbids it. None needs raw packets. */
export function securityOf(restricted: boolean): Security {
  return {
    pod: { ...(restricted ? { runAsNonRoot: true } : {}), seccompProfile: { type: 'RuntimeDefault' } },
    container: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: [restricted ? 'ALL' : 'NET_RAW'] },
    },
  }
}

export const enforcedOn = ({ metadata }: Namespace): string | undefined => metadata?.labels?.[labelOf('enforce')]

/** A slug needs nothing. An image is taken as it is, unless its namespace says more. */
export const isRestricted = (artifact: Artifact, namespace: Namespace): boolean =>
  (artifact.kind === 'image' && artifact.slug) || enforcedOn(namespace) === 'restricted'

/** What no pod of the artifact breaks; `most` is the strictest that the operator wants to have enforced. */
export function levelFor(artifact: Pick<Artifact & { kind: 'image' }, 'slug'> | null, most: Level): Level {
  return most === 'restricted' && artifact?.slug !== true ? 'baseline' : most
}

/** The labels and the annotation that the namespace is to get; null: they are there, or the operator has chosen others. */
export function marksOf(
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

export type PodSecurity = Pick<NonNullable<Pod['spec']>, 'securityContext'>
