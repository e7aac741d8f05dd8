# What waits outside of a PID namespace for its first process, and ignores signals, which are meant for that one?
# shellcheck shell=sh
# Arguments: the file that is made when the kernel has killed a process of its group for its memory, or an empty one; how the
# namespace is made or joined, and what runs in it. Nothing of a user is in this text or its arguments.
trap : HUP INT QUIT TERM USR1 USR2 ALRM
_deis_killed=$1
shift
# Of the scope that it is in: not the affair of an app.
unset INVOCATION_ID
"$@"
_deis_code=$?
if [ -n "$_deis_killed" ]; then
  # A line for each hierarchy: the one of cgroup v2 has no names.
  while IFS=: read -r _ _deis_names _deis_group; do
    case $_deis_names in
      '') _deis_file=/sys/fs/cgroup$_deis_group/memory.events ;;
      memory) _deis_file=/sys/fs/cgroup/memory$_deis_group/memory.oom_control ;;
      *) continue ;;
    esac
    [ -r "$_deis_file" ] || continue
    while read -r _deis_event _deis_count; do
      if [ "$_deis_event" = oom_kill ] && [ "$_deis_count" -gt 0 ]; then : >"$_deis_killed"; fi
    done <"$_deis_file"
  done </proc/self/cgroup
fi
exit "$_deis_code"
