// Which rights does a container get, and with which labels does a namespace enforce them?
import type { Pod } from '../client/objects.ts'

type PodSpec = NonNullable<Pod['spec']>
type Security = {
  readonly pod: NonNullable<PodSpec['securityContext']>
  readonly container: NonNullable<PodSpec['containers'][number]['securityContext']>
}

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

/** The level that the platform has set: any other one is the operator's. */
export const levelAnnotation = 'deis.io/pod-security'

export const podSecurityLabel = (mode: 'enforce' | 'warn' | 'audit'): string => `pod-security.kubernetes.io/${mode}`
