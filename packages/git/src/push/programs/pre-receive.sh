# What does git's pre-receive hook do? It passes on what git tells it, shows what comes, and exits as it is told.
# shellcheck shell=sh
# Descriptor 3 is a socket to the controller, which git got when it was started (hooks.ts says what is spoken there). No other
# program waits here for the controller: if this one is killed, git ends, and the controller sees that.
if [ -z "$DEIS_HOOK_REFUSALS" ]; then
  echo 'This repository accepts pushes through the platform only.' >&2
  exit 1
fi
# A controller that is gone ends the reading below.
trap '' PIPE
options=${GIT_PUSH_OPTION_COUNT:-0}
{
  printf '%s\0' "$GIT_QUARANTINE_PATH" "$GIT_OBJECT_DIRECTORY" "$GIT_ALTERNATE_OBJECT_DIRECTORIES" "$options"
  n=0
  # As many are refused.
  while [ "$n" -lt "$options" ] && [ "$n" -le 100 ]; do
    eval "printf '%s\\0' \"\$GIT_PUSH_OPTION_$n\""
    n=$((n + 1))
  done
  cat
  printf '\0'
} >&3 2>/dev/null
shown=
while IFS= read -r line <&3; do
  case $line in
  ' '*)
    shown=1
    printf '%s\n' "${line# }" >&2 || exit 1
    ;;
  '+'*)
    shown=1
    # Not every system's dd waits for a whole block: then byte by byte.
    dd bs="${line#+}" count=1 iflag=fullblock <&3 >&2 2>/dev/null ||
      dd bs=1 count="${line#+}" <&3 >&2 2>/dev/null || exit 1
    ;;
  *) exit "$line" ;;
  esac
done
if [ -n "$shown" ]; then
  # There may already be a release.
  # shellcheck disable=SC2016 # it is for people
  echo 'The platform stopped during this push. Run `deis releases` to see whether it was deployed.' >&2
else
  echo 'The platform stopped during this push and nothing was changed. Push again in a moment.' >&2
fi
exit 1
