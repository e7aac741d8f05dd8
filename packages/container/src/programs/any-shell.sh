# In which shell does a one-off command run? An image that was not made for the platform may have no bash.
# shellcheck shell=sh
# Arguments: the command.
if command -v bash >/dev/null; then exec bash -c "$1"; fi
exec sh -c "$1"
