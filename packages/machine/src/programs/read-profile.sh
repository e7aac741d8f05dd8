# How does a shell read the profile scripts of a slug, in the folder of the app (docs/contract/build-and-route.md §2.3)?
# shellcheck shell=sh
# In a function, so that no script changes the arguments of the shell around it by "set --". Its variable has a name that no
# config has.
profile() {
  for _deis_script in .profile.d/*.sh; do
    # shellcheck disable=SC1090 # each app has its own
    if [ -r "$_deis_script" ]; then . "./$_deis_script"; fi
  done
}
profile
