#!/bin/bash
# test/broken: what does a build look like that fails?
echo "this app cannot be built"
exit 3
