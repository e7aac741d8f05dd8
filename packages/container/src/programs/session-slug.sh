# How does the command of a session start where a slug's processes run?
# shellcheck shell=bash
# Arguments: the command, and the program that reads profile scripts.
export HOME=/app
cd /app || exit 126
eval "$2"
exec bash -c "$1"
