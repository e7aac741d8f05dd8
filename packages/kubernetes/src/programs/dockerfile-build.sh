# How does buildah build a Dockerfile in its pod, and leave the image for the container that pushes it?
# shellcheck shell=sh
# Arguments: a repository for cached layers or an empty text, the context, the folder of build arguments, the folder of
# labels, where the image goes, then options of `buildah build`. Values of build arguments come from files, through the
# environment of this step alone; the variables of this program begin with `__`, which no argument does. With cached layers
# every label would be a step that is different in each build: there, all labels are added at the end.
set -eu
__cache=$1 __context=$2 __args=$3 __labels=$4 __image=$5
shift 5
for __file in "$__args"/*; do
  [ -f "$__file" ] || continue
  __name=${__file##*/}
  # The x keeps newlines at the end.
  __value=$(cat "$__file"; printf x)
  export "$__name=${__value%x}"
  set -- "$@" --build-arg "$__name"
done
# Where the kernel lets a user namespace mount it (5.11 and newer), layers need not be copies of all that is below them.
__driver=overlay
buildah --storage-driver overlay info >/dev/null 2>&1 || __driver=vfs
if [ -n "$__cache" ] && buildah build --help | grep -q -e --cache-to; then
  buildah --storage-driver "$__driver" build --isolation chroot "$@" \
    --layers --cache-from "$__cache" --cache-to "$__cache" --tag unlabelled -- "$__context"
  buildah --storage-driver "$__driver" build --isolation chroot --quiet --pull=never --tag built -- "$__labels" >/dev/null
else
  while read -r __label; do
    set -- "$@" --label "$__label"
  done <"$__labels/list"
  buildah --storage-driver "$__driver" build --isolation chroot "$@" --tag built -- "$__context"
fi
buildah --storage-driver "$__driver" push --quiet built "$__image"
echo 'Pushing to registry'
