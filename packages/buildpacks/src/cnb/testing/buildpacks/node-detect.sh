#!/bin/bash
# test/node: is this an app of Node.js?
[ -f package.json ] || exit 100
