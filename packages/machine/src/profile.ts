// How does a shell read the profile scripts of a slug (docs/contract/build-and-route.md §2.3)?

/**
 * Text for any shell, to be run in the app's folder; without single quotes, so that it can be quoted with them. In a function, so
 * that no script changes the arguments of the surrounding shell by `set --`; its variable has a name that no config has.
 */
export const readProfile = `profile() {
  for _deis_script in .profile.d/*.sh; do
    if [ -r "$_deis_script" ]; then . "./$_deis_script"; fi
  done
}
profile`
