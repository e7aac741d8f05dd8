// How does a shell read the profile scripts of a slug (docs/contract/build-and-route.md §2.3)?
import program from './programs/read-profile.sh'

/** Text for any shell, to be run in the app's folder; without single quotes, so that it can be quoted with them. */
export const readProfile = program.trimEnd()
