# Where do the backends for tests keep their things, and how are their parts started, awaited and found again?
# shellcheck shell=bash disable=SC2034 # sourced by up, down, build and images, and by scripts/docker, which use these
set -euo pipefail

version=1.20.2
# Binaries and base images: built once a machine, kept by `down`.
cache=${KUBE_CACHE:-/var/cache/test-kube}
# What belongs to one cluster: removed by `down`.
state=${KUBE_STATE:-/var/lib/test-kube}
bin=$cache/bin-$version
sockets=/run/test-kube
containerd_socket=$sockets/containerd.sock

# An address of the bridge kube0, which `up` makes; the node and the registry listen there.
node_ip=10.99.0.1
registry=${TEST_IMAGES:-$node_ip:5000}
service_cidr=10.96.0.0/16
pod_cidr=10.244.0.0/24

mirror=${DEIS_CI_MIRROR:-http://deb.debian.org/debian}
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")

say() { printf '%s: %s\n' "${TEST_BACKEND:-kube}" "$*" >&2; }

# Installs the packages of Debian that are missing.
apt_install() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${missing[*]}"
  apt-get update -qq >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# start NAME COMMAND…: runs it in the background, in $state, with its pid and log there.
start() {
  local name=$1
  shift
  (cd "$state" && exec setsid "$@" >"$name.log" 2>&1 </dev/null) &
  echo $! >"$state/$name.pid"
}

# alive NAME: does what `start NAME` has started still run? A pid alone may be another process after a reboot.
alive() {
  local pid
  pid=$(cat "$state/$1.pid" 2>/dev/null) && [ "/proc/$pid/cwd" -ef "$state" ]
}

# wait_for SECONDS WHAT COMMAND…: until the command succeeds.
wait_for() {
  local seconds=$1 what=$2 _
  shift 2
  for _ in $(seq $((seconds * 2))); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.5
  done
  say "$what did not come up within $seconds s; logs are in $state"
  return 1
}
