// Where do git and the apps of a controller live (docs/contract/api.md §1.2, docs/contract/cli.md §1.8)?
import { DeisError, type Platform } from '@deis/types'
import type { Remote } from '../profile/git.ts'
import { originOf } from '../parse/address.ts'

/** Deis' rule for controllers that do not say where git is: `-builder` behind the first label of their host. */
function builderHost(controller: string): string {
  return new URL(originOf(controller)).hostname.replace(/^[^.]+/, (label) => `${label}-builder`)
}

function gitBase(platform: Platform): string | null {
  return platform.git ? `${platform.git.replace(/\/+$/, '')}/` : null
}

/** Other transports run programs (`ext::`), read this machine's files, or take a host for an option. */
const safeRemote = /^(ssh|https):\/\/(\w[\w.-]*@)?(\w[\w.-]*|\[[\da-f:.]+\])(:\d{1,5})?(\/\w[\w.-]*)+$/i

export function remoteUrl(app: string, platform: Platform, controller: string): string {
  const url = `${gitBase(platform) ?? `ssh://git@${builderHost(controller)}:2222/`}${app}.git`
  if (safeRemote.test(url)) return url
  throw new DeisError('internal', `${originOf(controller)} names ${JSON.stringify(url)} for git pushes.`, {
    hint: 'No git remote was set: it would have to be an ssh:// or https:// address. Is this the controller you mean?',
  })
}

/** What a remote's URL says: `ssh://git@host:2222/app.git`, or `git@host:app.git`. */
function partsOf(url: string): { host: string; app: string } | null {
  const [, host, app] =
    /^(?:ssh|https):\/\/(?:[^@/]*@)?(\[[^\]]*\]|[^:/]+)(?::\d+)?\/([^/]+)\/?$/i.exec(url) ??
    /^(?:[^@/:]*@)?([^:/]+):\/?([^/:]+)$/.exec(url) ??
    []
  const name = app?.split('.')[0]
  return host !== undefined && name ? { host: host.toLowerCase(), app: name } : null
}

/** Names of the controller's git server, today's and the original client's. */
function gitHosts(platform: Platform, controller: string): Set<string> {
  const named = platform.git ? partsOf(`${gitBase(platform)}app`)?.host : undefined
  const { domain } = platform
  return new Set([builderHost(controller), ...(named ? [named] : []), ...(domain ? [`deis-builder.${domain}`] : [])])
}

/** `former`: of this controller's git server, but not at the address where pushes go today. */
export type FoundRemote = { readonly remote: Remote; readonly app: string; readonly form: 'current' | 'former' }

/** The remotes of this controller, those of today's form and those named `deis` first. */
export function remotesHere(remotes: readonly Remote[], platform: Platform, controller: string): FoundRemote[] {
  const base = gitBase(platform)
  const hosts = gitHosts(platform, controller)
  const found = remotes.flatMap((remote): FoundRemote[] => {
    const parts = partsOf(remote.url)
    if (!parts) return []
    const isCurrent = base ? remote.url.startsWith(base) : parts.host === builderHost(controller)
    if (!isCurrent && !hosts.has(parts.host)) return []
    return [{ remote, app: parts.app, form: isCurrent ? 'current' : 'former' }]
  })
  const rank = ({ remote: { name }, form }: FoundRemote): number =>
    (form === 'current' ? 0 : 2) + (name === 'deis' ? 0 : 1)
  return found.toSorted((left, right) => rank(left) - rank(right))
}

/** A remote made for some other controller: then the name of the folder is no guide. */
export function foreignRemote(remotes: readonly Remote[]): Remote | null {
  const isDeis = ({ name, url }: Remote): boolean =>
    name === 'deis' || /^ssh:\/\/git@[^/:]*-builder[.:/]/.test(url) || /^ssh:\/\/git@[^/]*:2222\/[^/]+\.git$/.test(url)
  return remotes.find(isDeis) ?? null
}

/** How people write the address of a domain: one without a dot is a label under the platform's domain. */
export function appAddress(domain: string, platform: Platform, controller: string): string {
  if (domain.includes('.')) return domain
  const { router_port: port } = platform
  if (platform.domain) return `${domain}.${platform.domain}${port === undefined || port === 80 ? '' : `:${port}`}`
  return new URL(originOf(controller)).host.replace(/^[^.:]+/, domain)
}
