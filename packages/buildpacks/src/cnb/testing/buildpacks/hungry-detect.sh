#!/bin/bash
# test/hungry: is this an app that wants all memory?
[ -f hungry ] || exit 100
