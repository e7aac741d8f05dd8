// What keeps a pod from starting, and may it pass by itself?
import type { Pod } from '../client/objects.ts'
import type { ContainerStatus } from './containers.ts'

export type Obstacle = {
  /**
   * `pull`: the image cannot be pulled; `name`: its name is invalid; `absent`: the node does not have it, and may not pull
   * it; `create`: the container cannot be created; `start`: its command cannot be started.
   */
  readonly kind: 'pull' | 'name' | 'absent' | 'create' | 'start'
  /** As the kubelet calls it. */
  readonly reason: string
  /** The kubelet's own message; may be empty. */
  readonly message: string
  /** No retry changes it. */
  readonly isPermanent: boolean
}

/** Reasons of waiting containers, as kubelets report them; all others are steps on the way. */
const kinds: Readonly<Record<string, Obstacle['kind']>> = {
  ErrImagePull: 'pull',
  ImagePullBackOff: 'pull',
  ImageInspectError: 'pull',
  RegistryUnavailable: 'pull',
  InvalidImageName: 'name',
  ErrImageNeverPull: 'absent',
  CreateContainerConfigError: 'create',
  CreateContainerError: 'create',
  RunContainerError: 'start',
}

/** The registry has refused, or has no such image. */
const refused =
  /not found|manifest unknown|name unknown|repository does not exist|denied|unauthorized|forbidden|authentication|no match for platform|invalid reference/i

/** `lastPull`: the last error of a pull, which the message of a back-off does not repeat. */
export function obstacleOf({ state }: ContainerStatus, lastPull: string | null = null): Obstacle | null {
  const { reason = '', message: reported = '' } = state?.waiting ?? {}
  const kind = kinds[reason]
  if (kind === undefined) return null
  const message = (reason === 'ImagePullBackOff' ? lastPull : null) ?? reported
  const isPermanent = kind === 'name' || kind === 'absent' || (kind === 'pull' && refused.test(message))
  return { kind, reason, message, isPermanent }
}

export const isOfImage = ({ kind }: Obstacle): boolean => kind === 'pull' || kind === 'name' || kind === 'absent'

/** The condition of a pod that no node takes. */
export const unscheduledOf = (pod: Pod): { readonly reason?: string; readonly message?: string } | undefined =>
  pod.status?.conditions?.find(({ type, status }) => type === 'PodScheduled' && status === 'False')

/** Whether a pod is not even created because the quota of its namespace is used up. */
export const isQuotaFull = (refusal: string): boolean => /exceeded quota/.test(refusal)
