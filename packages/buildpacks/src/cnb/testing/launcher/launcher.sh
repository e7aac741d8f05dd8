#!/bin/bash
# How does an image of the stand-in builder start? This becomes what it starts, so that no process of its own stays.
mapfile -d '' -t words < <(node /cnb/lifecycle/launcher.cjs "$0" "$@")
wait "$!" || exit
exec env "${words[@]}"
