#!/bin/bash
# test/procfile: does the app have a Procfile?
[ -f Procfile ] || exit 100
