// How does a shell run a user's command line that is in none of its arguments?
import { commandVariable } from './confine-text.ts'
import { readProfile } from './profile.ts'

/**
 * The shell execs a line that is one program with arguments. It runs anything else itself, and on TERM waits for it and exits
 * as it does: all processes of the group that get TERM have time to end cleanly.
 */
export const commandText = `${readProfile}
_deis_simple() {
  case $1 in *[\\;\\&\\|]* | *'
'*) return 1 ;; esac
  _deis_program=\${1#"\${1%%[! ]*}"}
  case $(command -v -- "\${_deis_program%%[ 	]*}" 2>/dev/null) in */*) return 0 ;; esac
  return 1
}
set --
if _deis_simple "$${commandVariable}"; then
  eval "unset ${commandVariable} _deis_program
exec $${commandVariable}"
else
  eval "unset ${commandVariable} _deis_program
$${commandVariable}"
fi`
