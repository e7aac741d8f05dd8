// Which git remotes does this checkout have, and which app of the controller do they lead to (docs/contract/api.md §1.2, docs/contract/cli.md §1.8, §1.9)?
import { DeisError, type Platform } from '@deis/types'
import { originOf } from '../parse/address.ts'
import type { Io } from '../terminal/io.ts'
import { run } from './program.ts'

export type Remote = { readonly name: string; readonly url: string }

const deadline = 30_000

async function git(io: Io, args: readonly string[]): Promise<string> {
  const { error, stdout, stderr } = await run(io, 'git', args, deadline)
  if (error === null) return stdout
  const missing = error.code === 'ENOENT'
  const why = missing ? 'git is not installed' : stderr.trim() || error.message
  throw new DeisError('usage', `git ${args.join(' ')}: ${why}`, {
    hint: missing ? 'Install git, or use --app instead of a remote.' : undefined,
    cause: error,
  })
}

/** The remotes in git's order, one entry per push URL. @throws outside a repository */
export async function listRemotes(io: Io): Promise<Remote[]> {
  const listing = await git(io, ['remote', '-v'])
  return listing.split('\n').flatMap((line) => {
    const [, name, url] = /^(\S+)\t(.+) \(push\)$/.exec(line) ?? []
    return name !== undefined && url !== undefined ? [{ name, url }] : []
  })
}

export async function addRemote(io: Io, { name, url }: Remote): Promise<void> {
  await git(io, ['remote', 'add', '--', name, url])
}

export async function setRemoteUrl(io: Io, { name, url }: Remote): Promise<void> {
  await git(io, ['remote', 'set-url', '--', name, url])
}

export async function removeRemote(io: Io, name: string): Promise<void> {
  await git(io, ['remote', 'remove', '--', name])
}

/** Sets a setting of this repository to these values, in order, whatever it had before. */
export async function setAll(io: Io, name: string, [first = '', ...more]: readonly string[]): Promise<void> {
  await git(io, ['config', '--local', '--replace-all', name, first])
  for (const value of more) await git(io, ['config', '--local', '--add', name, value])
}

/** The rule of Deis for controllers that do not announce their git server: `-builder` after the first label of the host. */
function builderHost(controller: string): string {
  return new URL(originOf(controller)).hostname.replace(/^[^.]+/, (label) => `${label}-builder`)
}

function gitBase(platform: Platform): string | null {
  return platform.git ? `${platform.git.replace(/\/+$/, '')}/` : null
}

/** Other transports run programs (`ext::`), read local files, or take a host for an option. */
const safeRemote = /^(ssh|https):\/\/(\w[\w.-]*@)?(\w[\w.-]*|\[[\da-f:.]+\])(:\d{1,5})?(\/\w[\w.-]*)+$/i

export function remoteUrl(app: string, platform: Platform, controller: string): string {
  const url = `${gitBase(platform) ?? `ssh://git@${builderHost(controller)}:2222/`}${app}.git`
  if (safeRemote.test(url)) return url
  throw new DeisError(
    'internal',
    `The git server of ${originOf(controller)} has the address ${JSON.stringify(url)}, which is not an ssh:// or https:// address.`,
    {
      hint: 'No git remote was added. Check the address of the controller.',
    },
  )
}

/** The same over HTTPS: the controller itself serves git. Over HTTP where the controller has no TLS. */
export function webRemoteUrl(app: string, controller: string): string {
  return `${originOf(controller)}/${app}.git`
}

/** The parts of the URL of a remote: `ssh://git@host:2222/app.git`, or `git@host:app.git`. */
function partsOf(url: string): { host: string; app: string } | null {
  const [, host, app] =
    /^(?:ssh|https?):\/\/(?:[^@/]*@)?(\[[^\]]*\]|[^:/]+)(?::\d+)?\/([^/]+)\/?$/i.exec(url) ??
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

/** `former`: on the git server of this controller, but at an earlier address. */
export type FoundRemote = { readonly remote: Remote; readonly app: string; readonly form: 'current' | 'former' }

/** The remotes of this controller: current addresses first, then those named `deis`. */
export function remotesHere(remotes: readonly Remote[], platform: Platform, controller: string): FoundRemote[] {
  const base = gitBase(platform)
  const hosts = gitHosts(platform, controller)
  const found = remotes.flatMap((remote): FoundRemote[] => {
    const parts = partsOf(remote.url)
    if (!parts) return []
    const isCurrent =
      remote.url === webRemoteUrl(parts.app, controller) ||
      (base ? remote.url.startsWith(base) : parts.host === builderHost(controller))
    if (!isCurrent && !hosts.has(parts.host)) return []
    return [{ remote, app: parts.app, form: isCurrent ? 'current' : 'former' }]
  })
  const rank = ({ remote: { name }, form }: FoundRemote): number =>
    (form === 'current' ? 0 : 2) + (name === 'deis' ? 0 : 1)
  return found.toSorted((left, right) => rank(left) - rank(right))
}

/** A remote of another controller: then the name of the folder is not used. */
export function foreignRemote(remotes: readonly Remote[]): Remote | null {
  const isDeis = ({ name, url }: Remote): boolean =>
    name === 'deis' || /^ssh:\/\/git@[^/:]*-builder[.:/]/.test(url) || /^ssh:\/\/git@[^/]*:2222\/[^/]+\.git$/.test(url)
  return remotes.find(isDeis) ?? null
}
