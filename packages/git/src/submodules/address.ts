// From which addresses are submodules fetched, by the operator's setting?

/** From DEIS_GIT_SUBMODULES: `host`, `host:port`, and `*` for every host on the port of https; empty: none is fetched. */
export type AllowedHosts = readonly string[]

export type Address = {
  readonly url: string
  readonly host: string
  readonly port: number
  /** The operator wrote this host down: it may be one of the platform's own network. */
  readonly named: boolean
}

export class NotAllowed extends Error {}

const longestUrl = 2000

const shown = (text: string): string => JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text)

/** Null: it is not a host. `*` stays `*`. */
export function readHost(item: string): string | null {
  if (item === '*') return item
  if (!/^[A-Za-z0-9.-]+(:\d{1,5})?$|^\[[0-9a-fA-F:.]+\](:\d{1,5})?$/.test(item)) return null
  return URL.canParse(`https://${item}`) ? new URL(`https://${item}`).host : null
}

/** `base`: where the repository that refers to it came from; null: it was pushed. @throws NotAllowed with the reason */
export function addressOf(text: string, base: string | null, allowed: AllowedHosts): Address {
  if (text.length > longestUrl || !/^[\x21-\x7e]+$/.test(text)) throw new NotAllowed('its address is not valid')
  const relative = /^\.\.?\//.test(text)
  if (relative && base === null)
    throw new NotAllowed(`${shown(text)} is relative, and a pushed repository has no address`)
  // As git has it: what it is relative to is the repository, as if that were a folder.
  const target = relative ? { text, base: `${base}/` } : { text, base: undefined }
  if (!URL.canParse(target.text, target.base)) throw new NotAllowed(`${shown(text)} is not an https:// address`)
  const url = new URL(target.text, target.base)
  if (url.protocol !== 'https:') throw new NotAllowed(`${shown(text)} is not an https:// address`)
  if (url.username !== '' || url.password !== '') throw new NotAllowed('its address contains a user name or a password')
  if (url.search !== '' || url.hash !== '') throw new NotAllowed(`${shown(text)} is not the address of a repository`)
  const named = url.host !== '*' && allowed.includes(url.host)
  if (!named && !(allowed.includes('*') && url.port === ''))
    throw new NotAllowed(`DEIS_GIT_SUBMODULES does not allow ${url.host}`)
  return { url: url.href, host: url.hostname, port: Number(url.port || 443), named }
}
