# What waits outside of a PID namespace for its first process, and ignores signals, which are meant for that one?
# shellcheck shell=sh
# Arguments: how the namespace is made or joined, and what runs in it. Nothing of a user is in this text or its arguments.
trap : HUP INT QUIT TERM USR1 USR2 ALRM
"$@"
exit "$?"
