// How is the URL of a controller parsed, stored and used, and what are the addresses of its apps (docs/contract/cli.md §1.8)?
import { DeisError, type Platform } from '@deis/types'

function parse(text: string): URL {
  let url: URL
  try {
    url = new URL(text)
  } catch (error) {
    throw new DeisError('usage', `${JSON.stringify(text)} is not the URL of a controller.`, {
      hint: 'A URL looks like http://deis.example.com or https://deis.example.com:8443.',
      cause: error,
    })
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new DeisError(
      'usage',
      `${JSON.stringify(text)} is not the URL of a controller: it must begin with http:// or https://.`,
    )
  return url
}

/**
 * The URL as the profile keeps it: scheme added, scheme and host in lower case, the rest untouched, so that the
 * original client reads the same (docs/contract/cli.md §3.2).
 */
export function storedController(typed: string): string {
  const text = typed.trim()
  const whole = text.includes('://') ? text : `http://${text}`
  parse(whole)
  return whole.replace(
    /^([^:]*:\/\/)(?:([^/?#]*)@)?([^/?#]*)/,
    (_, scheme: string, user: string | undefined, host: string) =>
      `${scheme.toLowerCase()}${user === undefined ? '' : `${user}@`}${host.toLowerCase()}`,
  )
}

/** The origin of all requests: path and user of the stored URL are not used (docs/contract/cli.md §4.1). */
export function originOf(controller: string): string {
  return parse(controller).origin
}

/** The original client accepts only dotted names, `localhost` and addresses (docs/contract/cli.md §2.2). */
export function isHostOfOriginalClient(controller: string): boolean {
  const { hostname } = parse(controller)
  return hostname === 'localhost' || hostname.startsWith('[') || hostname.includes('.')
}

/** The address of a domain: a name without a dot is a label under the domain of the platform. */
export function appAddress(domain: string, platform: Platform, controller: string): string {
  if (domain.includes('.')) return domain
  const { router_port: port } = platform
  if (platform.domain) return `${domain}.${platform.domain}${port === undefined || port === 80 ? '' : `:${port}`}`
  return new URL(originOf(controller)).host.replace(/^[^.:]+/, domain)
}
