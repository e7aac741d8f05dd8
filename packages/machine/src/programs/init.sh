# What is the first process of a PID namespace?
# shellcheck shell=sh
# When it ends, the kernel ends all others. It adopts orphans, ignores signals (the kernel does that, but a shell would catch
# an interrupt) and exits as its command does.
# Arguments: how often to wait 50 ms for processes that the command left behind in its group, and how often if a TERM has
# ended it, since the others got that TERM too; the command.
trap : INT
_deis_left=$1
_deis_grace=$2
shift 2
_deis_group() {
  read -r _deis_stat <"$1/stat" || return
  # shellcheck disable=SC2086 # it is split into its fields
  set -- ${_deis_stat##*) }
  echo "$1 $3"
}
_deis_others() {
  for _deis_process in /proc/[0-9]*; do
    case $_deis_process:$(_deis_group "$_deis_process") in
    /proc/1:* | *:"Z "*) ;;
    *" $1") return 0 ;;
    esac
  done
  return 1
}
"$@"
_deis_code=$?
if [ "$_deis_code" -eq 143 ]; then _deis_left=$_deis_grace; fi
if [ "$_deis_left" -gt 0 ]; then
  _deis_own=$(_deis_group /proc/1)
  while [ "$_deis_left" -gt 0 ] && _deis_others "${_deis_own#* }"; do
    sleep 0.05
    _deis_left=$((_deis_left - 1))
  done
fi
exit "$_deis_code"
