# How is all output of a one-off command read to its end?
# shellcheck shell=sh
# Container runtimes lose what is still in the pipe when a container's first process ends. So this is the first process: it
# prints the end marker after the command has ended, and stays until the pod is deleted, or for long enough. After a kill it
# exits soon, since only the end of the container shows the reason. Runtimes pass on whole lines, so the marker ends one.
# SIGTERM is passed on to the command. No variable is set before the command begins: config may have any name.
# Arguments: the end marker, and how the command is started.
exec 2>/dev/null
(
  shift
  exec "$@"
) 2>&1 &
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
printf '%s%s;\n' "$1" "$code"
stay=10
if [ "$code" = 137 ]; then stay=3; fi
sleep "$stay" &
wait "$!"
exit "$code"
