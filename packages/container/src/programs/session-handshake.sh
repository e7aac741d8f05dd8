# When does the command of a session begin, and in which shell?
# shellcheck shell=sh
# It begins after `go`, so that no output is lost and its terminal has the right size; `no` ends it before. No variable is
# set that config might have. A slug's profile scripts are read here as its launcher reads them: the launcher itself would
# take the command out of the terminal.
# Arguments: the answer to `ask`, the answer to `go`, the session's id, TERM or nothing, how a command is started (`slug`,
# `cnb`, `shell`, or `either`, if only the image shows it), whether input follows (`some`, `none`), the command, and for slugs
# the texts of session-slug.sh and of the program that reads profile scripts.
while :; do
  IFS= read -r _deis_line || exit 1
  case $_deis_line in
    go) break ;;
    no) exit 1 ;;
    ask) printf '%s%s;' "$1" "$([ -t 0 ] && stty size 2>/dev/null)" ;;
  esac
done
printf %s "$2"
export DEIS_SESSION="$3"
if [ -n "$4" ]; then export TERM="$4"; fi
if [ "$6" = none ]; then exec </dev/null; fi
if [ "$5" = slug ] || { [ "$5" = either ] && [ -x /runner/init ]; }; then
  exec bash -c "$8" bash "$7" "$9"
fi
# It takes the command as one text, and becomes it.
if [ "$5" = cnb ]; then exec /cnb/lifecycle/launcher "$7"; fi
if command -v bash >/dev/null; then exec bash -c "$7"; fi
exec sh -c "$7"
