# How is a built image pushed to the registry?
# shellcheck shell=sh
# Writes the result, a digest, as the container's termination message.
# Arguments: where the image is, and where it goes.
set -eu
id=$(buildah --storage-driver vfs pull --quiet "$1")
exec buildah --storage-driver vfs push --quiet --digestfile /dev/termination-log -- "$id" "$2"
