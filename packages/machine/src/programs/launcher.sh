# How are folder and environment prepared for a program, as the user that it runs as?
# shellcheck shell=sh
# The environment is passed as `_deis_env_0=NAME=value` and so on, so that it does not affect the shells before.
# Arguments: `apart` when the error output is descriptor 4; `check` to report on descriptor 3 why a program cannot be started;
# the folder; the number of variables; the program and its arguments.
umask 027
if [ "$1" = apart ]; then exec 2>&4 4>&-; fi
_deis_fail() {
  echo "$1" >&3
  exit 126
}
cd -- "$3" 2>/dev/null || _deis_fail folder
unset OLDPWD
_deis_i=0
while [ "$_deis_i" -lt "$4" ]; do
  eval "command export \"\$_deis_env_$_deis_i\"; unset _deis_env_$_deis_i" 2>/dev/null
  _deis_i=$((_deis_i + 1))
done
if [ "$2" = check ]; then
  case $5 in
  */*)
    [ -e "$5" ] || _deis_fail missing
    [ -x "$5" ] || _deis_fail denied
    if [ -f "$5" ] && [ "$(head -c 2 -- "$5" 2>/dev/null | tr -d '\000')" = '#!' ]; then
      _deis_line=$(head -n 1 -- "$5" | head -c 256 | tr -d '\000')
      _deis_line=${_deis_line#??}
      _deis_line=${_deis_line#"${_deis_line%%[! ]*}"}
      [ -e "${_deis_line%%[ 	]*}" ] || _deis_fail missing
    fi
    ;;
  *) command -v -- "$5" >/dev/null 2>&1 || _deis_fail missing ;;
  esac
fi
echo ok >&3
exec 3>&-
shift 4
exec "$@"
