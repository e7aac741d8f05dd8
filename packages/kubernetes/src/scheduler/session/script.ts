// What runs inside the container on behalf of a session: constant texts for `sh`, told everything by arguments?
import { readProfile } from '@deis/machine/profile'
import { slugLauncher } from '@deis/ports/scheduler'

/** How a command is started: as the pod's own ones are. `either`: the pod does not say; a slug has its launcher. */
export type Launch = 'slug' | 'shell' | 'either'

/** Carried by a session's command and all that it starts. */
export const marker = 'DEIS_SESSION'

export const words = { ask: 'ask', go: 'go', no: 'no' } as const

/** Of a command that was killed, perhaps for the memory it used. */
export const killedCode = 137
/** As long as the end of the output may wait for who is to read it. */
const staySeconds = 600

/**
 * The command begins when we have told it to, so that nothing it says is lost, and in a terminal of the right size.
 * Arguments: what answers `ask`, what answers `go`, the session, TERM or nothing, the launch, whether input follows, the
 * command. No name is set that config might have. A slug's scripts are read as its launcher does; that itself would take the
 * command out of the terminal.
 */
export const gateScript = `while :; do
  IFS= read -r _deis_line || exit 1
  case $_deis_line in
    ${words.go}) break ;;
    ${words.no}) exit 1 ;;
    ${words.ask}) printf '%s%s;' "$1" "$([ -t 0 ] && stty size 2>/dev/null)" ;;
  esac
done
printf %s "$2"
export ${marker}="$3"
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
 * Around the gate in a pod of its own. Container runtimes lose what a container has said last when nobody has read it by its
 * end, so this one says that its command has ended, and stays until it is taken away. Only who killed it
 * can be learned from its own end. Arguments: the last word, and those of the gate after its script.
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
 * Signals all processes that carry the session's mark, and whatever is in a terminal session with one. Says how many
 * there were. Arguments: the session, the signal, and `front` for those at the terminal, where there is one. Needs nothing but
 * a shell; zombies have ended.
 */
export const signalScript = `fields() {
  IFS= read -r stat <"$1/stat" || return 1
  set -- \${stat##*) }
  state=$1 session=$4 front=$6
  [ "$session" != 0 ] && [ "$state" != Z ]
}
{
  mine=' ' told=' ' count=0
  for process in /proc/[0-9]*; do
    while IFS= read -r line || [ -n "$line" ]; do
      case $line in *"${marker}=$1"*) fields "$process" && mine="$mine$session "; break ;; esac
    done <"$process/environ"
  done
  for process in /proc/[0-9]*; do
    fields "$process" || continue
    case $mine in *" $session "*) ;; *) continue ;; esac
    count=$((count + 1))
    if [ "$3" = front ] && [ "$front" -gt 0 ]; then
      case $told in *" $front "*) continue ;; esac
      told="$told$front "
      kill -s "$2" -- "-$front"
    else
      kill -s "$2" "\${process#/proc/}"
    fi
  done
} 2>/dev/null
echo "$count"`
