// How does a session reach its command through the Kubernetes API?
import type { SessionTarget } from '@deis/container/session/signal'
import { SessionRefused } from '@deis/ports/scheduler'
import type { Kube } from '../../client/client.ts'
import { hasStatus, type KubeError } from '../../client/error.ts'
import { pathOf } from '../../client/objects.ts'

type Where = { readonly kube: Kube; readonly namespace: string; readonly pod: string; readonly container: string }

export const targetOf = ({ kube, namespace, pod, container }: Where, session: string): SessionTarget => ({
  pod,
  session,
  async exec(command, signal) {
    let printed = ''
    const socket = await kube.connect(
      pathOf('v1/Pod', namespace, pod, 'exec'),
      { container, command, stdout: true },
      async (_, chunk) => void (printed += chunk.toString()),
      signal,
    )
    const outcome = await socket.closed
    return { printed, message: outcome?.message ?? '' }
  },
  isGone: (error) => hasStatus(error, 404),
})

/** What an error of the connection says to the user. */
export function explain(error: unknown): unknown {
  if (!hasStatus(error, 403)) return error
  const { message } = error as KubeError
  return new SessionRefused(
    `The platform's ClusterRole does not allow sessions (${message}). Ask the platform's admin to update it.`,
    { cause: error },
  )
}
