// How does a process of a slug image start (contract/build-and-route.md §2.3)?

/** In the image: one file for each process type, with its command. */
export const processFolder = '/runner/processes'

/**
 * `/runner/init COMMAND…` or `/runner/init start TYPE`. It stays as the container's first process: the app then dies of
 * signals as it would anywhere else, all of its processes get them, orphans are reaped, and its exit code is the app's.
 */
export const launcher = `#!/bin/bash
# Becomes a process of the app: its profile scripts, then its command.
profile() {
  local script
  for script in .profile.d/*.sh; do
    if [ -r "$script" ]; then . "./$script"; fi
  done
}

launch() {
  local command="$*" app signal
  if [ "$#" -eq 2 ] && [ "$1" = start ]; then
    if [[ ! $2 =~ ^[a-z0-9-]+$ ]] || [ ! -r "${processFolder}/$2" ]; then
      echo "No such process type: $2" >&2
      exit 127
    fi
    command=$(<"${processFolder}/$2")
  fi
  # A session of its own, so that a signal reaches every process of the app.
  setsid bash -c "$command" <&0 &
  app=$!
  for signal in TERM INT HUP QUIT USR1 USR2; do
    trap "kill -$signal -- -$app 2>/dev/null || kill -$signal $app 2>/dev/null" "$signal"
  done
  # A signal ends the waiting, not the app.
  wait "$app"
  while kill -0 "$app" 2>/dev/null; do wait "$app"; done
  wait "$app"
  exit "$?"
}

export HOME=/app
cd /app || exit 126
profile
launch "$@"
`
