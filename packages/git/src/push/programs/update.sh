# What does git's update hook do? It declines the refs that the controller has refused, each with its reason.
# shellcheck shell=sh
# They are in a file, one per line: the ref, a space, the reason. It is there only when something is refused.
# Arguments: the ref, and what git says of it.
[ -e "$DEIS_HOOK_REFUSALS" ] || exit 0
while read -r ref reason; do
  [ "$ref" = "$1" ] || continue
  printf '%s\n' "$reason" >&2
  exit 1
done <"$DEIS_HOOK_REFUSALS"
