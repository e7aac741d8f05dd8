// How does one command run to its end in a pod of its own?
import type { Kube } from '../../kube/client.ts'
import type { Pod } from '../../kube/objects.ts'
import type { Watched } from '../../kube/watch.ts'

export type RunDeps = {
  readonly kube: Kube
  /** A watch that shows the pod; without it one is made for the time of the run. */
  readonly pods?: Watched<Pod>
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields: Readonly<Record<string, unknown>>) => void
}

export type RunLimits = {
  /** How long the command may run, from when it runs. */
  readonly timeoutSeconds: number
  /** How long it may take until it runs, pulling its image included. */
  readonly startSeconds?: number
}

/**
 * Makes the pod, hands on what it says, and takes it away again whatever happens.
 * @param manifest with name, namespace and one container; `restartPolicy` and `activeDeadlineSeconds` are set here.
 * @returns the exit code; a signal N gives 128+N.
 * @throws DeployFailure when it cannot start; the signal's reason; an error named TimeoutError when it runs too long.
 */
export function runOneOff(
  deps: RunDeps,
  manifest: Pod,
  limits: RunLimits,
  io: { output(chunk: string): void; readonly signal: AbortSignal },
): Promise<number> {
  throw new Error(`not written yet: ${deps}${manifest}${limits}${io}`)
}

/** On pods of type `run` as an annotation: the controller that waits for their end. */
export const controllerAnnotation = 'deis.io/controller'

/** Deletes the one-off pods of controllers that live no more. @returns how many. */
export function cleanOneOffs(deps: {
  readonly kube: Kube
  readonly alive: (controller: string) => Promise<boolean>
}): Promise<number> {
  throw new Error(`not written yet: ${deps}`)
}
