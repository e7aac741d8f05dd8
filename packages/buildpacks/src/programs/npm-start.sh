# How does "npm start" run an app's script without npm staying beside it, with 60 MB, for as long as the app runs?
# shellcheck shell=sh disable=SC2154
# Follows what languages/npm-start.ts writes: _package, _prestart, _start, _line and _exec. Whatever else is asked is npm's to do.
_here=${0%/*}
_path=:$PATH:
case $_path in
*":$_here:"*)
  _path=${_path%%":$_here:"*}:${_path#*":$_here:"}
  _path=${_path#:}
  PATH=${_path%:}
  ;;
*)
  # Called by its path: there is no way to tell where the others are.
  echo "npm: $_here is not on PATH" >&2
  exit 127
  ;;
esac
_npm() {
  if command -v npm >/dev/null; then exec npm "$@"; fi
  echo 'npm: not found' >&2
  exit 127
}
case "$*" in start | 'run start') ;; *) _npm "$@" ;; esac
# What these change is npm's to know.
_settings=${npm_config_script_shell-}${npm_config_ignore_scripts-}${npm_config_node_options-}
_settings=$_settings${NPM_CONFIG_SCRIPT_SHELL-}${NPM_CONFIG_IGNORE_SCRIPTS-}${NPM_CONFIG_NODE_OPTIONS-}
if [ "$PWD" != "$HOME" ] || [ -n "$_settings" ]; then _npm "$@"; fi

export INIT_CWD="$PWD" npm_command=start npm_package_json="$PWD/package.json"
NODE=$(command -v node) && NODE=$(readlink -f "$NODE" || printf %s "$NODE")
export NODE npm_node_execpath="$NODE"
_script() {
  printf '\n> %s\n> %s\n\n' "$_package$1" "$2"
  export npm_lifecycle_event="$1" npm_lifecycle_script="$2"
  _exec sh -c "$3"
}
if [ -n "$_prestart" ]; then (_script prestart "$_prestart" "$_prestart") || exit; fi
_script start "$_start" "$_line"
