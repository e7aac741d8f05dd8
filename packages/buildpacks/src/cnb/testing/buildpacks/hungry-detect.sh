#!/bin/bash
# test/hungry: takes apps that want all memory.
[ -f hungry ] || exit 100
