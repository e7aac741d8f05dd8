// What of an app's config does the build of its Dockerfile get (docs/contract/build-and-route.md §3)?
import { BuildFailure } from '@deis/ports/builder'

/** Variables that would affect the build's tools rather than the build. */
const steering =
  /^(PATH|HOME|IFS|ENV|PWD|OLDPWD|SHELL|SHELLOPTS|BASHOPTS|BASH_ENV|TMPDIR|GODEBUG|_.*|LD_.*|BUILDAH_.*|STORAGE_.*|CONTAINERS_.*|CONTAINER_.*|REGISTRY_.*|XDG_.*|BUILDKIT_.*)$/

/** The stage of a Dockerfile that is the image; null: the last. @throws BuildFailure */
export function buildTarget(config: Readonly<Record<string, string>>): string | null {
  const target = config.DEIS_DOCKER_BUILD_TARGET ?? ''
  if (target === '') return null
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(target))
    throw new BuildFailure('DEIS_DOCKER_BUILD_TARGET is not the name of a stage: letters, digits, "_", "." and "-".')
  return target
}

/** The whole config, if the app asks for it, and the names that cannot be passed. */
export function buildArguments(config: Readonly<Record<string, string>>): {
  readonly args: Readonly<Record<string, string>>
  readonly skipped: readonly string[]
} {
  if (config.DEIS_DOCKER_BUILD_ARGS_ENABLED === undefined) return { args: {}, skipped: [] }
  const usable = (name: string): boolean => /^[A-Za-z_][A-Za-z0-9_]{0,200}$/.test(name) && !steering.test(name)
  const names = Object.keys(config)
  return {
    args: Object.fromEntries(Object.entries(config).filter(([name]) => usable(name))),
    skipped: names.filter((name) => !usable(name)),
  }
}
