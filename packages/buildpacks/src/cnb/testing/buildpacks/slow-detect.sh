#!/bin/bash
# test/slow: takes apps that want to wait.
[ -f slow ] || exit 100
