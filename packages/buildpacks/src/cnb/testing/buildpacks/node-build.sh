#!/bin/bash
# test/node: which layers would a real buildpack make, and what do the scripts of package.json say?
# deps: cached and launched, used again while package.json is the same; runtime: launched, taken from the last image.
set -e
layers=$1
field() { node -p "JSON.stringify(require('./package.json').scripts?.$1 ?? '')"; }
echo "[Node.js of the test builder]"
sum=$(sha256sum package.json | cut -d ' ' -f 1)
if [ -d "$layers/deps" ] && grep -qs "$sum" "$layers/deps.toml"; then
  echo "Using the dependencies of the last build"
else
  echo "Installing dependencies"
  rm -rf "$layers/deps"
  mkdir -p "$layers/deps/bin" "$layers/deps/env.launch/web"
  printf '#!/bin/sh\necho from a layer\n' >"$layers/deps/bin/from-layer"
  chmod 755 "$layers/deps/bin/from-layer"
  printf 'of all' >"$layers/deps/env.launch/TEST_LAYER"
  printf 'of web' >"$layers/deps/env.launch/web/TEST_WEB"
fi
printf '[types]\nlaunch = true\ncache = true\n[metadata]\nsum = "%s"\n' "$sum" >"$layers/deps.toml"
if grep -qs 'version = "1"' "$layers/runtime.toml"; then
  echo "Using the runtime of the last image"
else
  echo "Installing the runtime"
  mkdir -p "$layers/runtime/bin"
  echo 1 >"$layers/runtime/version"
fi
printf '[types]\nlaunch = true\n[metadata]\nversion = "1"\n' >"$layers/runtime.toml"
# What it made is listed: a document for a layer in two formats, one for the app in one.
bom() { printf '{"bomFormat":"CycloneDX","specVersion":"1.5","version":1,"components":[{"type":"library","name":"%s"}]}\n' "$1"; }
bom dependencies >"$layers/deps.sbom.cdx.json"
printf '{"spdxVersion":"SPDX-2.3","packages":[{"name":"dependencies"}]}\n' >"$layers/deps.sbom.spdx.json"
bom app >"$layers/launch.sbom.cdx.json"
node -e 'const { scripts } = require("./package.json"); process.exit(scripts?.build ? 0 : 1)' &&
  bash -c "$(node -p 'require("./package.json").scripts.build')"
start=$(field start)
[ "$start" != '""' ] || exit 0
cat >"$layers/launch.toml" <<TOML
[[processes]]
type = "web"
command = ["bash", "-c"]
args = [$start]
direct = true
default = true
TOML
