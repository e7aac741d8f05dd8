// Which scripts run inside the container for a session? Constant texts for `sh`; all values are arguments.
import { readProfile } from '@deis/machine/profile'
import { slugLauncher } from '@deis/ports/scheduler'

/** How a command is started: as the pod's own commands are. `either`: the pod does not show it; a slug has its launcher. */
export type Launch = 'slug' | 'shell' | 'either'

/** The environment variable with the session's id, inherited by all that its command starts. */
export const sessionVariable = 'DEIS_SESSION'

/** What the handshake script understands, one line each. */
export const requests = { ask: 'ask', go: 'go', no: 'no' } as const

/** The exit code of a command that was killed, perhaps for the memory it used. */
export const killedCode = 137
/** How long the end of the output may wait to be read. */
const staySeconds = 600

/**
 * The command begins after `go`, so that no output is lost and its terminal has the right size. Arguments: the answer to
 * `ask`, the answer to `go`, the session's id, TERM or nothing, the launch, whether input follows, the command. No variable
 * is set that config might have. A slug's scripts are read here as its launcher reads them: the launcher itself would take
 * the command out of the terminal.
 */
export const handshakeScript = `while :; do
  IFS= read -r _deis_line || exit 1
  case $_deis_line in
    ${requests.go}) break ;;
    ${requests.no}) exit 1 ;;
    ${requests.ask}) printf '%s%s;' "$1" "$([ -t 0 ] && stty size 2>/dev/null)" ;;
  esac
done
printf %s "$2"
export ${sessionVariable}="$3"
if [ -n "$4" ]; then export TERM="$4"; fi
if [ "$6" = none ]; then exec </dev/null; fi
if [ "$5" = slug ] || { [ "$5" = either ] && [ -x ${slugLauncher} ]; }; then
  exec bash -c 'export HOME=/app
cd /app || exit 126
${readProfile}
exec bash -c "$1"' bash "$7"
fi
if command -v bash >/dev/null; then exec bash -c "$7"; fi
exec sh -c "$7"`

/**
 * Runs the handshake in a pod of its own. Container runtimes lose the last output of a container that nobody has read by its
 * end, so this script prints the end marker after the command has ended, and stays until the pod is deleted. After a kill
 * it exits soon, since only the end of the container shows the reason. Arguments: the end marker, and those of the
 * handshake after its script.
 */
export const hostScript = `trap : HUP INT QUIT TERM
exec 3>&2 2>/dev/null
(shift; exec 2>&3 3>&-; exec sh -c "$@")
code=$?
trap '' TTOU
printf '%s%s;' "$1" "$code"
[ -t 1 ] || printf '%s%s;' "$1" "$code" >&3
trap 'exit "$code"' TERM
if [ "$code" = ${killedCode} ]; then sleep 1; exit "$code"; fi
sleep ${staySeconds} >/dev/null 3>&- &
wait "$!"
exit "$code"`

/**
 * Signals all processes that have the session's id in their environment, and all in a terminal session with one of them.
 * Prints how many there were. Arguments: the session's id, the signal, and `foreground` for the foreground process group of
 * the terminal, where there is one. Needs nothing but a shell. Zombies do not count.
 */
export const signalScript = `fields() {
  IFS= read -r stat <"$1/stat" || return 1
  set -- \${stat##*) }
  state=$1 session=$4 foreground=$6
  [ "$session" != 0 ] && [ "$state" != Z ]
}
{
  sessions=' ' signalled=' ' count=0
  for process in /proc/[0-9]*; do
    while IFS= read -r line || [ -n "$line" ]; do
      case $line in *"${sessionVariable}=$1"*) fields "$process" && sessions="$sessions$session "; break ;; esac
    done <"$process/environ"
  done
  for process in /proc/[0-9]*; do
    fields "$process" || continue
    case $sessions in *" $session "*) ;; *) continue ;; esac
    count=$((count + 1))
    if [ "$3" = foreground ] && [ "$foreground" -gt 0 ]; then
      case $signalled in *" $foreground "*) continue ;; esac
      signalled="$signalled$foreground "
      kill -s "$2" -- "-$foreground"
    else
      kill -s "$2" "\${process#/proc/}"
    fi
  done
} 2>/dev/null
echo "$count"`
