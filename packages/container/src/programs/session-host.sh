# How does a session run in a pod of its own?
# shellcheck shell=sh
# Container runtimes lose the last output of a container that nobody has read by its end, so this prints the end marker after
# the command has ended, and stays until the pod is deleted, at most ten minutes. After a kill it exits soon, since only the
# end of the container shows the reason.
# Arguments: the end marker, the text of session-handshake.sh, and that one's arguments with $0.
trap : HUP INT QUIT TERM
exec 3>&2 2>/dev/null
(
  shift
  exec 2>&3 3>&-
  exec sh -c "$@"
)
code=$?
trap '' TTOU
printf '%s%s;' "$1" "$code"
[ -t 1 ] || printf '%s%s;' "$1" "$code" >&3
trap 'exit "$code"' TERM
if [ "$code" = 137 ]; then
  sleep 1
  exit "$code"
fi
sleep 600 >/dev/null 3>&- &
wait "$!"
exit "$code"
