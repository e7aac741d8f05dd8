// Which fixed scripts do shells run around a process of an app? User input is never part of them, or of their arguments.

/** Outside the namespace: waits for its first process and ignores signals, which are meant for that one. */
export const wrapperText = `trap : HUP INT QUIT TERM USR1 USR2 ALRM
"$@"
exit "$?"`

/**
 * The first process of a namespace: when it ends, the kernel ends all others. It adopts orphans, ignores signals (the kernel
 * does that, but a shell would catch an interrupt) and exits as its command does. Arguments: how often to wait 50 ms for
 * processes that the command left behind in its group, and how often if a TERM has ended it, since the others got that TERM
 * too; the command.
 */
export const initText = `trap : INT
_deis_left=$1
_deis_grace=$2
shift 2
_deis_group() {
  read -r _deis_stat <"$1/stat" || return
  set -- \${_deis_stat##*) }
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
  while [ "$_deis_left" -gt 0 ] && _deis_others "\${_deis_own#* }"; do
    sleep 0.05
    _deis_left=$((_deis_left - 1))
  done
fi
exit "$_deis_code"`

/**
 * As the app's user: prepares folder and environment, then execs the program. The environment is passed as
 * \`_deis_env_0=NAME=value\` and so on, so that it does not affect the shells before. Arguments: \`apart\` when the error output is
 * descriptor 4; \`check\` to report on descriptor 3 why a program cannot be started; the folder; the number of variables; the
 * program and its arguments.
 */
export const launcherText = `umask 027
if [ "$1" = apart ]; then exec 2>&4 4>&-; fi
_deis_fail() {
  echo "$1" >&3
  exit 126
}
cd -- "$3" 2>/dev/null || _deis_fail folder
unset OLDPWD
_deis_i=0
while [ "$_deis_i" -lt "$4" ]; do
  eval "command export \\"\\$_deis_env_$_deis_i\\"; unset _deis_env_$_deis_i" 2>/dev/null
  _deis_i=$((_deis_i + 1))
done
if [ "$2" = check ]; then
  case $5 in
  */*)
    [ -e "$5" ] || _deis_fail missing
    [ -x "$5" ] || _deis_fail denied
    if [ -f "$5" ] && [ "$(head -c 2 -- "$5" 2>/dev/null | tr -d '\\000')" = '#!' ]; then
      _deis_line=$(head -n 1 -- "$5" | head -c 256 | tr -d '\\000')
      _deis_line=\${_deis_line#??}
      _deis_line=\${_deis_line#"\${_deis_line%%[! ]*}"}
      [ -e "\${_deis_line%%[ 	]*}" ] || _deis_fail missing
    fi
    ;;
  *) command -v -- "$5" >/dev/null 2>&1 || _deis_fail missing ;;
  esac
fi
echo ok >&3
exec 3>&-
shift 4
exec "$@"`

/** The variable that passes a command line to the shell that runs it; it is unset before the app starts. */
export const commandVariable = '_deis_command'
