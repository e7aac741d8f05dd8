// Which of an app's config do Cloud Native Buildpacks get when they build?
import { BuildFailure } from '@deis/ports/builder'

/** The phases pass these on from their own environment. */
const isProxy = (name: string): boolean => /^(https?|no)_proxy$/i.test(name)

const isWithheld = (name: string): boolean => /^(CNB_.*|PATH|HOME|LD_.*|PORT)$/.test(name)
// Each becomes the name of a file.
const isUsable = (name: string): boolean => /^[A-Za-z_][A-Za-z0-9_]{0,200}$/.test(name)

export type PlatformEnv = {
  readonly values: Readonly<Record<string, string>>
  /** The names of the config that builds do not get. */
  readonly kept: readonly string[]
}

/** The last of the given sets that has a name counts. */
export function platformEnv(
  config: Readonly<Record<string, string>>,
  ...before: readonly Readonly<Record<string, string>>[]
): PlatformEnv {
  const bad = Object.entries(config).find(([, value]) => value.includes('\0'))
  if (bad) throw new BuildFailure(`The config variable ${bad[0]} contains a null byte. Set it again without it.`)
  const passed = (name: string): boolean => isUsable(name) && !isWithheld(name)
  const all: Record<string, string> = Object.assign({}, ...before, config)
  return {
    values: Object.fromEntries(Object.entries(all).filter(([name]) => passed(name))),
    kept: Object.keys(config).filter((name) => !passed(name)),
  }
}

/** The platform's own variables for builds: those of the phases themselves, and those that buildpacks get as files. */
export function platformsOwn(env: Readonly<Record<string, string>>): {
  readonly phases: Readonly<Record<string, string>>
  readonly buildpacks: Readonly<Record<string, string>>
} {
  const entries = Object.entries(env)
  return {
    phases: Object.fromEntries(entries.filter(([name]) => isProxy(name))),
    buildpacks: Object.fromEntries(entries.filter(([name]) => !isProxy(name))),
  }
}
