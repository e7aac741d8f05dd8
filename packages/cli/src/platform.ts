// Where do git and the apps of a controller live (design §8, contract/cli.md §1.8)?
import type { Platform } from '@deis/types'
import type { Remote } from './git.ts'
import { originOf } from './address.ts'

/** Deis' rule for controllers that do not say where git is: `-builder` behind the first label of their host. */
function builderHost(controller: string): string {
  return new URL(originOf(controller)).hostname.replace(/^[^.]+/, (label) => `${label}-builder`)
}

function gitBase(platform: Platform): string | null {
  return platform.git ? `${platform.git.replace(/\/+$/, '')}/` : null
}

export function remoteUrl(app: string, platform: Platform, controller: string): string {
  return `${gitBase(platform) ?? `ssh://git@${builderHost(controller)}:2222/`}${app}.git`
}

/** The app that a checkout is pushed to. A remote named `deis` is preferred to the first in git's order. */
export function appOfRemotes(remotes: readonly Remote[], platform: Platform, controller: string): string | null {
  const base = gitBase(platform)
  const ours = remotes.filter(({ url }) => (base ? url.startsWith(base) : url.includes(builderHost(controller))))
  const chosen = ours.find(({ name }) => name === 'deis') ?? ours[0]
  const app = chosen?.url.slice(chosen.url.lastIndexOf('/') + 1).split('.')[0]
  return app ? app : null
}

/** How people write the address of a domain: one without a dot is a label under the platform's domain. */
export function appAddress(domain: string, platform: Platform, controller: string): string {
  if (domain.includes('.')) return domain
  const { router_port: port } = platform
  if (platform.domain) return `${domain}.${platform.domain}${port === undefined || port === 80 ? '' : `:${port}`}`
  return new URL(originOf(controller)).host.replace(/^[^.:]+/, domain)
}
