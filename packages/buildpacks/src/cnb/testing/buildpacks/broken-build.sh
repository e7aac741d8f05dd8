#!/bin/bash
# test/broken: cannot build anything.
echo "this app cannot be built"
exit 3
