# How does a shell run a command line of a user, which is in none of its arguments but in `_deis_command`?
# shellcheck shell=sh disable=SC2154 # the variable comes from the environment
# It execs a line that is one program with arguments. It runs anything else itself, and on TERM waits for it and exits as it
# does: all processes of the group that get TERM have time to end cleanly. The variable is unset before the app starts.
_deis_simple() {
  case $1 in *[\;\&\|]* | *'
'*) return 1 ;; esac
  _deis_program=${1#"${1%%[! ]*}"}
  case $(command -v -- "${_deis_program%%[ 	]*}" 2>/dev/null) in */*) return 0 ;; esac
  return 1
}
set --
if _deis_simple "$_deis_command"; then
  eval "unset _deis_command _deis_program
exec $_deis_command"
else
  eval "unset _deis_command _deis_program
$_deis_command"
fi
