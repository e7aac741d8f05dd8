// How does a shell run a command line of a user's that is in none of its arguments?
import { commandVariable } from './confine-text.ts'
import { readProfile } from './profile.ts'

/**
 * A line that is one program and its words becomes that program. Anything else is run by this shell, which waits on a TERM for
 * what it runs, and ends as that does: whoever gets TERM in the same group has time to end well.
 */
export const commandText = `${readProfile}
_deis_simple() {
  case $1 in *[\\;\\&\\|]* | *'
'*) return 1 ;; esac
  _deis_word=\${1#"\${1%%[! ]*}"}
  case $(command -v -- "\${_deis_word%%[ 	]*}" 2>/dev/null) in */*) return 0 ;; esac
  return 1
}
set --
if _deis_simple "$${commandVariable}"; then
  eval "unset ${commandVariable} _deis_word
exec $${commandVariable}"
else
  eval "unset ${commandVariable} _deis_word
$${commandVariable}"
fi`
