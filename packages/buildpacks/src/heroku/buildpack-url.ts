// Which buildpack does a BUILDPACK_URL or a line of .buildpacks mean, and which texts are invalid (docs/contract/build-and-route.md §2.1)?
import { isAbsolute } from 'node:path'
import { pathToFileURL } from 'node:url'

export type BuildpackSource = {
  readonly kind: 'git' | 'archive'
  /** Without credentials. */
  readonly url: string
  /** Branch, tag or commit; null: what the repository's HEAD says. */
  readonly ref: string | null
  /** The Authorization header for credentials in the URL, which then reach neither a command line nor the output. */
  readonly authorization: string | null
}

/** A text that does not name a buildpack; the message says what would. */
export class BadBuildpackUrl extends Error {}

const refPattern = /^(?![-/.])(?!.*\.\.)[A-Za-z0-9._/@+-]{1,200}$/
const hostPattern = /^[A-Za-z0-9][A-Za-z0-9.-]*$/
const scpPattern = /^([A-Za-z0-9_][A-Za-z0-9._-]*)@([A-Za-z0-9][A-Za-z0-9.-]*):(?!-)[A-Za-z0-9._~/+-]+$/
const accepted =
  'a git URL (https://, http://, ssh://, git://, file://, git@host:path or an absolute path, each with #branch, #tag or #commit if wanted), a .tgz or .tar.gz URL, or a name such as heroku/nodejs'

function shorthand(name: string): string | null {
  const official = /^heroku\/([a-z][a-z0-9-]*)$/.exec(name)?.[1]
  return official ? `https://github.com/heroku/heroku-buildpack-${official}` : null
}

function parseUrl(text: string, refuse: (why: string) => BadBuildpackUrl): Omit<BuildpackSource, 'ref'> {
  if (scpPattern.test(text)) return { kind: 'git', url: text, authorization: null }
  if (isAbsolute(text)) return { kind: 'git', url: pathToFileURL(text).href, authorization: null }
  if (!URL.canParse(text)) throw refuse(`it must be ${accepted}`)
  const url = new URL(text)
  switch (url.protocol) {
    case 'https:':
    case 'http:': {
      const { username, password } = url
      const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
      url.username = url.password = ''
      return {
        kind: /\.(tgz|tar\.gz)$/.test(url.pathname) ? 'archive' : 'git',
        url: url.href,
        authorization: login === ':' ? null : `Basic ${Buffer.from(login).toString('base64')}`,
      }
    }
    case 'ssh:':
    case 'git:':
      if (
        url.password !== '' ||
        !/^([A-Za-z0-9_][A-Za-z0-9._-]*)?$/.test(url.username) ||
        !hostPattern.test(url.hostname)
      )
        throw refuse('its user or host is not valid')
      return { kind: 'git', url: url.href, authorization: null }
    case 'file:':
      if (url.host !== '') throw refuse('a file:// URL must not have a host')
      return { kind: 'git', url: url.href, authorization: null }
    default:
      throw refuse(`it must be ${accepted}`)
  }
}

/** @throws BadBuildpackUrl */
export function parseBuildpackUrl(text: string): BuildpackSource {
  const given = text.trim()
  // The text may hold a password, so it is not repeated.
  const refuse = (why: string): BadBuildpackUrl => new BadBuildpackUrl(`is not a valid buildpack: ${why}`)
  if (given === '' || given.length > 2000 || given.startsWith('-') || !/^[\x21-\x7e]+$/.test(given))
    throw refuse(`it must be ${accepted}`)
  const hash = given.indexOf('#')
  const ref = hash < 0 ? '' : given.slice(hash + 1)
  const address = hash < 0 ? given : given.slice(0, hash)
  if (ref !== '' && !refPattern.test(ref)) throw refuse('the text after # is not a branch, tag or commit')
  let parsed
  try {
    parsed = parseUrl(shorthand(address) ?? address, refuse)
  } catch (error) {
    if (error instanceof BadBuildpackUrl) throw error
    throw refuse('its user or password is not correctly encoded')
  }
  if (parsed.kind === 'archive' && ref !== '') throw refuse('an archive has no branches, so #… is not allowed')
  return { ...parsed, ref: ref === '' ? null : ref }
}

/** The URLs of a `.buildpacks` file: one per line, `#` comments. */
export function buildpackLines(text: string): string[] {
  return text
    .split(/\r\n|\n|\r/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
}
