// How is all output of a command in a pod read to its end?
import type { Pod } from '../../client/objects.ts'
import linger from '../../programs/run-linger.sh'

/** The same pod, which prints `endMarker`, the exit code and a semicolon after its output. */
export function lingering(pod: Pod, endMarker: string): Pod {
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers: (pod.spec?.containers ?? []).map((container) => ({
        ...container,
        command: ['/bin/sh', '-c', linger, 'deis', endMarker, ...(container.command ?? []), ...(container.args ?? [])],
        args: [],
      })),
    },
  }
}
