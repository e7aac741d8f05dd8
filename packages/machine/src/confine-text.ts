// Which fixed texts do shells run around a process of an app? Nothing of a user's is ever part of them, or of their arguments.

/** Outside of the namespace: waits for its first process whatever signals come, which are for that one. */
export const wrapperText = `trap : HUP INT QUIT TERM USR1 USR2 ALRM
"$@"
exit "$?"`

/**
 * The first process of a namespace: with its end the kernel ends all others. It takes in orphans, ignores what it gets (the
 * system sees to that, but a shell catches an interrupt by itself) and ends as its command does. Arguments: the kind; how often
 * to wait 50 ms for what the command left behind in its group, and how often when a TERM has ended it, which was for the others,
 * too; the command.
 */
export const initText = `trap : INT
[ "$1" != namespace ] || mount -t proc proc /proc || exit 126
_deis_left=$2
_deis_grace=$3
shift 3
_deis_group() {
  read -r _deis_stat <"$1/stat" || return
  set -- \${_deis_stat##*) }
  echo "$1 $3"
}
_deis_others() {
  for _deis_place in /proc/[0-9]*; do
    case $_deis_place:$(_deis_group "$_deis_place") in
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
 * As the app's user: sets the scene, then becomes the program. Its environment comes as \`_deis_env_0=NAME=value\` and so on, so
 * that nothing of it means anything to the shells before. Arguments: \`apart\` when its error output is descriptor 4;
 * \`check\` when it is to be told on descriptor 3 why a program cannot be started; the folder; the number of variables; the
 * program and its arguments.
 */
export const launcherText = `umask 027
if [ "$1" = apart ]; then exec 2>&4 4>&-; fi
_deis_tell() {
  echo "$1" >&3
  exit 126
}
cd -- "$3" 2>/dev/null || _deis_tell folder
unset OLDPWD
_deis_i=0
while [ "$_deis_i" -lt "$4" ]; do
  eval "command export \\"\\$_deis_env_$_deis_i\\"; unset _deis_env_$_deis_i" 2>/dev/null
  _deis_i=$((_deis_i + 1))
done
if [ "$2" = check ]; then
  case $5 in
  */*)
    [ -e "$5" ] || _deis_tell missing
    [ -x "$5" ] || _deis_tell denied
    if [ -f "$5" ] && [ "$(head -c 2 -- "$5" 2>/dev/null | tr -d '\\000')" = '#!' ]; then
      _deis_line=$(head -n 1 -- "$5" | head -c 256 | tr -d '\\000')
      _deis_line=\${_deis_line#??}
      _deis_line=\${_deis_line#"\${_deis_line%%[! ]*}"}
      [ -e "\${_deis_line%%[ 	]*}" ] || _deis_tell missing
    fi
    ;;
  *) command -v -- "$5" >/dev/null 2>&1 || _deis_tell missing ;;
  esac
fi
echo ok >&3
exec 3>&-
shift 4
exec "$@"`

/** The name under which a command line reaches the shell that runs it; no config variable reaches the app under it. */
export const commandVariable = '_deis_command'
