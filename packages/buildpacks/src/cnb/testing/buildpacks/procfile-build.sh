#!/bin/bash
# test/procfile: which processes does the Procfile have? `web` is the default, or the only one there is.
set -e
echo "[Procfile of the test builder]"
count=$(grep -cE '^[A-Za-z0-9_-]+:' Procfile)
while IFS= read -r line || [ -n "$line" ]; do
  [[ $line =~ ^([A-Za-z0-9_-]+):[[:space:]]*(.+)$ ]] || continue
  type=${BASH_REMATCH[1]}
  default=false
  if [ "$type" = web ] || [ "$count" = 1 ]; then default=true; fi
  text=$(node -p 'JSON.stringify(process.argv[1])' -- "${BASH_REMATCH[2]}")
  printf '[[processes]]\ntype = "%s"\ncommand = ["bash", "-c"]\nargs = [%s]\ndirect = true\ndefault = %s\n' \
    "$type" "$text" "$default" >>"$1/launch.toml"
done <Procfile
