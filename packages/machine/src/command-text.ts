// How does a shell run a user's command line that is in none of its arguments?
import { readProfile } from './profile.ts'
import program from './programs/command.sh'

/** The variable that passes the command line. */
export const commandVariable = '_deis_command'

/** For a shell in the app's folder. */
export const commandText = `${readProfile}\n${program}`
