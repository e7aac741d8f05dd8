#!/bin/sh
# How is the command line of Deis installed, upgraded or removed, without root? Needs Node.js, tar and curl or wget.
#   curl -fsSL @ORIGIN@/install.sh | sh
#   curl -fsSL @ORIGIN@/install.sh | sh -s -- --uninstall
# DEIS_INSTALL_DIR is where it goes, instead of ~/.local: the program is in its folder bin.
set -eu

say() {
  printf 'deis: %s\n' "$*"
}

fail() {
  printf 'deis: %s\n' "$*" >&2
  exit 1
}

# The link that an earlier run made; anything else of that name is not touched.
is_ours() {
  [ -h "$1" ] || return 1
  case $(readlink "$1") in
    "$lib"/client-*/lib/deis.js) return 0 ;;
    *) return 1 ;;
  esac
}

need_node() {
  command -v node >/dev/null 2>&1 ||
    fail 'Node.js was not found, and deis needs version 20.19 or newer. Install it (https://nodejs.org), then run this again. Nothing was changed.'
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    fail "deis needs Node.js 20.19 or newer, and $(command -v node) is $(node --version). Nothing was changed."
}

# fetch URL FILE
fetch() {
  if command -v curl >/dev/null 2>&1; then
    curl -fsSL --connect-timeout 20 --max-time 300 --retry 2 -o "$2" -- "$1"
  elif command -v wget >/dev/null 2>&1; then
    wget -q -T 60 -t 3 -O "$2" -- "$1"
  else
    fail 'Neither curl nor wget was found. Install one of them, then run this again. Nothing was changed.'
  fi
}

sum_of() {
  node -e 'process.stdout.write(require("crypto").createHash("sha256").update(require("fs").readFileSync(process.argv[1])).digest("hex"))' "$1"
}

# place FILE FOLDER NAME: a copy that is there completely, or not at all
place() {
  mkdir -p "$2"
  cp "$1" "$2/.$3.$$"
  mv -f "$2/.$3.$$" "$2/$3"
}

uninstall() {
  if is_ours "$bin/deis"; then
    rm -f "$bin/deis"
  elif [ -e "$bin/deis" ] || [ -h "$bin/deis" ]; then
    fail "$bin/deis was not made by this script. Nothing was removed."
  elif [ ! -d "$lib" ]; then
    say "There is no deis in $prefix."
    return 0
  fi
  rm -f "$bash_folder/deis" "$zsh_folder/_deis" "$fish_folder/deis.fish"
  rm -rf "$lib"/client-* "$lib"/new-*
  rmdir "$lib" 2>/dev/null || true
  say "Removed from $prefix. Your login is still in ~/.deis."
}

install() {
  need_node
  command -v tar >/dev/null 2>&1 || fail 'tar was not found. Install it, then run this again. Nothing was changed.'
  if { [ -e "$bin/deis" ] || [ -h "$bin/deis" ]; } && ! is_ours "$bin/deis"; then
    fail "$bin/deis exists, and was not made by this script. Move it away, or set DEIS_INSTALL_DIR. Nothing was changed."
  fi
  mkdir -p "$lib" "$bin" || fail "$prefix cannot be written. Set DEIS_INSTALL_DIR to a folder of yours."

  find "$lib" -name 'new-*' -prune -mtime +1 -exec rm -rf {} +
  new=$lib/new-$$
  trap 'rm -rf "$new"' EXIT
  trap 'exit 1' HUP INT TERM
  mkdir "$new"
  fetch "$origin/client/$file" "$new/$file" || fail "$origin/client/$file could not be downloaded. Nothing was changed."
  [ "$(sum_of "$new/$file")" = "$sum" ] ||
    fail "What $origin/client/$file sent is not the file of this script: its SHA-256 is not $sum. Nothing was changed."
  tar -xzf "$new/$file" -C "$new"
  node "$new/package/lib/deis.js" version >/dev/null || fail 'The client does not start here. Nothing was changed.'

  # A folder of its own each time: the link leads to the old one, then to the new one, and never to half of one. What still
  # runs keeps the one before.
  client=$lib/client-$(date +%Y%m%d%H%M%S)-$$
  before=$(readlink "$bin/deis" || true)
  mv "$new/package" "$client"
  ln -s "$client/lib/deis.js" "$bin/.deis.$$"
  mv -f "$bin/.deis.$$" "$bin/deis"
  place "$client/completions/deis.bash" "$bash_folder" deis
  place "$client/completions/_deis" "$zsh_folder" _deis
  place "$client/completions/deis.fish" "$fish_folder" deis.fish
  for old in "$lib"/client-*; do
    case $old/lib/deis.js in
      "$client"/* | "$before") ;;
      *) rm -rf "$old" ;;
    esac
  done

  say "Installed deis $("$bin/deis" version) in $bin, with completion for bash, zsh and fish."
  case ":$PATH:" in
    *":$bin:"*)
      found=$(command -v deis || true)
      [ "$found" = "$bin/deis" ] || say "Another deis comes first on your PATH: $found"
      ;;
    *) say "$bin is not on your PATH. Add this line to ~/.profile, and log in again:  export PATH=\"$bin:\$PATH\"" ;;
  esac
  case ${SHELL:-} in
    */zsh) say "For completion, add this line to ~/.zshrc, before compinit:  fpath+=($zsh_folder)" ;;
  esac
  say "Log in with:  deis login $origin"
}

main() {
  origin='@ORIGIN@'
  file='@FILE@'
  sum='@SUM@'
  prefix=${DEIS_INSTALL_DIR:-${HOME:?HOME is not set}/.local}
  case $prefix in
    /*) ;;
    *) fail "DEIS_INSTALL_DIR must be an absolute path, not \"$prefix\". Nothing was changed." ;;
  esac
  prefix=${prefix%/}
  bin=$prefix/bin
  lib=$prefix/lib/deis
  bash_folder=$prefix/share/bash-completion/completions
  zsh_folder=$prefix/share/zsh/site-functions
  fish_folder=$prefix/share/fish/vendor_completions.d
  case $#-${1:-} in
    0-) install ;;
    1---uninstall) uninstall ;;
    *) fail 'usage: install.sh [--uninstall]' ;;
  esac
}

# Nothing runs until the last byte has arrived.
{ main "$@" </dev/null; }
