#!/bin/bash
# test/broken: is this an app whose detection is to fail?
if [ -f broken-detect ]; then
  echo "this buildpack is broken"
  exit 1
fi
[ -f broken-build ] || exit 100
