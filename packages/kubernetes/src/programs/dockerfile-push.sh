# How is a built image pushed to the registry?
# shellcheck shell=sh
# Writes the result, a digest, as the container's termination message.
# Arguments: where the image is, and where it goes.
set -eu
driver=overlay
buildah --storage-driver overlay info >/dev/null 2>&1 || driver=vfs
id=$(buildah --storage-driver "$driver" pull --quiet "$1")
exec buildah --storage-driver "$driver" push --quiet --digestfile /dev/termination-log -- "$id" "$2"
