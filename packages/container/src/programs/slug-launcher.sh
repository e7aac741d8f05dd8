#!/bin/bash
# How does a process of a slug image start (docs/contract/build-and-route.md §2.3)?
# `/runner/init COMMAND…` or `/runner/init start TYPE`. It stays as the container's first process: the app then reacts to
# signals as it does anywhere else, all of its processes get them, orphans are reaped, and the exit code is the app's.

# No config has such names: profile scripts run in this shell, and config may have any other name.
_deis_app='' _deis_early=''

# To every process of the app, which is a session of its own; to be kept for it while there is none yet.
hand_on() {
  if [ -z "$_deis_app" ]; then
    _deis_early="$_deis_early $1"
  else
    kill "-$1" -- "-$_deis_app" 2>/dev/null || kill "-$1" "$_deis_app" 2>/dev/null
  fi
}

launch() {
  local _deis_command="$*" _deis_signal
  if [ "$#" -eq 2 ] && [ "$1" = start ]; then
    if [[ ! $2 =~ ^[A-Za-z0-9_-]+$ ]] || [ ! -r "/runner/processes/$2" ]; then
      echo "No such process type: $2" >&2
      exit 127
    fi
    _deis_command=$(<"/runner/processes/$2")
  fi
  setsid bash -c "$_deis_command" <&0 &
  _deis_app=$!
  for _deis_signal in $_deis_early; do hand_on "$_deis_signal"; done
  # A signal ends the waiting, not the app.
  wait "$_deis_app"
  while kill -0 "$_deis_app" 2>/dev/null; do wait "$_deis_app"; done
  wait "$_deis_app"
  exit "$?"
}

# A first process ignores signals that it has no trap for.
trap 'hand_on TERM' TERM
trap 'hand_on INT' INT
trap 'hand_on HUP' HUP
trap 'hand_on QUIT' QUIT
trap 'hand_on USR1' USR1
trap 'hand_on USR2' USR2
export HOME=/app
cd /app || exit 126
# The profile scripts of the app.
. /runner/profile
launch "$@"
