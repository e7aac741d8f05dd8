// How is all output of a command in a pod read to its end?
import type { Pod } from '../../client/objects.ts'
import { killedCode } from '../session/script.ts'

/** How long the container stays for its output to be read. The pod is deleted earlier, but not after a kill. */
const staySeconds = { ended: 10, killed: 3 }

/**
 * Container runtimes lose what is still in the pipe when a container's first process ends. So this script is the first
 * process: it prints the end marker after the command has ended, and stays until the pod is deleted, or for long enough.
 * After a kill it exits soon, since only the end of the container shows the reason. Runtimes pass on whole lines, so the
 * marker ends one. The script passes SIGTERM on to the command. No variable is set before the command begins: config may
 * have any name. Arguments: the end marker, and how the command is started.
 */
const lingerScript = `exec 2>/dev/null
(shift; exec "$@") 2>&1 &
command=$!
signalled=
trap 'signalled=yes; kill -s TERM "$command"' TERM
wait "$command"
code=$?
# A signal interrupts "wait", which then returns 143. If that was the code of the command, waiting again gives 127.
while [ -n "$signalled" ] && [ "$code" = 143 ]; do
  signalled=
  wait "$command"
  again=$?
  if [ "$again" = 127 ]; then break; fi
  code=$again
done
trap 'exit "$code"' TERM
printf '%s%s;\\n' "$1" "$code"
stay=${staySeconds.ended}
if [ "$code" = ${killedCode} ]; then stay=${staySeconds.killed}; fi
sleep "$stay" &
wait "$!"
exit "$code"`

/** The same pod, which prints `endMarker`, the exit code and a semicolon after its output. */
export function lingering(pod: Pod, endMarker: string): Pod {
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers: (pod.spec?.containers ?? []).map((container) => ({
        ...container,
        command: [
          '/bin/sh',
          '-c',
          lingerScript,
          'deis',
          endMarker,
          ...(container.command ?? []),
          ...(container.args ?? []),
        ],
        args: [],
      })),
    },
  }
}
