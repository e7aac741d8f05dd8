#!/bin/bash
# Becomes what an image of the stand-in builder starts, so that no process of its own stays.
mapfile -d '' -t words < <(node /cnb/lifecycle/launcher.cjs "$0" "$@")
wait "$!" || exit
exec env "${words[@]}"
