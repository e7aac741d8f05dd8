// How is a command in a pod heard to its last word?
import type { Pod } from '../../client/objects.ts'
import { killedCode } from '../session/script.ts'

/** As long as the end of the output may wait, when nobody takes the pod away; in the second case nobody does. */
const staySeconds = { ended: 10, killed: 3 }

/**
 * Container runtimes lose what is still in the pipe when a container's first process ends. So that is this one: it says in
 * its turn that the command has ended, and stays until it is taken away, or for long enough. Only who killed a command
 * can be learned from its own end. Runtimes hand on whole lines, so the last word is one, or the end of one. It hands on
 * the signal by which a pod is told to end. No name is set before the command begins: config may have any. Arguments: the
 * last word, and how the command is started.
 */
const lingerScript = `exec 2>/dev/null
(shift; exec "$@") 2>&1 &
command=$!
told=
trap 'told=yes; kill -s TERM "$command"' TERM
wait "$command"
code=$?
# A signal ends the waiting, with a code of its own; where it was the command's, it cannot be waited for once more.
while [ -n "$told" ] && [ "$code" = 143 ]; do
  told=
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

/** The same pod, which says `lastWord`, the exit code and a semicolon behind its output. */
export function lingering(pod: Pod, lastWord: string): Pod {
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
          lastWord,
          ...(container.command ?? []),
          ...(container.args ?? []),
        ],
        args: [],
      })),
    },
  }
}
