#!/bin/bash
# test/slow: is this an app that wants to wait?
[ -f slow ] || exit 100
