# Which processes belong to a session, and how does a signal reach them?
# shellcheck shell=sh
# All processes that have the session's id in their environment, and all in a terminal session with one of them. Prints how
# many there were. Needs nothing but a shell. Zombies do not count.
# Arguments: the session's id, the signal, and `foreground` for the foreground process group of the terminal, where there is
# one, or `all`.
fields() {
  IFS= read -r stat <"$1/stat" || return 1
  # shellcheck disable=SC2086 # it is split into its fields
  set -- ${stat##*) }
  state=$1 session=$4 foreground=$6
  [ "$session" != 0 ] && [ "$state" != Z ]
}
{
  sessions=' ' signalled=' ' count=0
  for process in /proc/[0-9]*; do
    while IFS= read -r line || [ -n "$line" ]; do
      case $line in *"DEIS_SESSION=$1"*) fields "$process" && sessions="$sessions$session "; break ;; esac
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
      kill -s "$2" "${process#/proc/}"
    fi
  done
} 2>/dev/null
echo "$count"
