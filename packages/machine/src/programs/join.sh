# How does a program count as part of what another process is part of?
# shellcheck shell=sh
# Arguments: the other process; the program and its arguments.
_deis_joined=
# A line for each hierarchy: the one of cgroup v2 has no names, and is elsewhere where there are others, too.
while IFS=: read -r _ _deis_names _deis_group; do
  case $_deis_names in
    '') _deis_where=/sys/fs/cgroup/unified ;;
    *) _deis_where=${_deis_names%%,*} && _deis_where=/sys/fs/cgroup/${_deis_where#name=} ;;
  esac
  if [ -z "$_deis_names" ] && [ ! -d "$_deis_where" ]; then _deis_where=/sys/fs/cgroup; fi
  [ -e "$_deis_where$_deis_group/cgroup.procs" ] || continue
  echo $$ >"$_deis_where$_deis_group/cgroup.procs" || exit 125
  _deis_joined=yes
done <"/proc/$1/cgroup"
[ -n "$_deis_joined" ] || exit 125
shift
unset IFS _deis_names _deis_group _deis_where _deis_joined
exec "$@"
