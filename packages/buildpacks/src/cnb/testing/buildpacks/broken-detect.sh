#!/bin/bash
# test/broken: fails where a file of the app says so.
if [ -f broken-detect ]; then
  echo "this buildpack is broken"
  exit 1
fi
[ -f broken-build ] || exit 100
