// Which CA gives certificates, and how are names proven to it?
import { isAbsolute } from 'node:path'
import { isIP } from 'node:net'
import type { Reader } from './config-cluster.ts'

export type AcmeSettings = Readonly<{
  directory: string
  /** The directory of the CA's staging; null: names are not tried there first. */
  staging: string | null
  email: string | null
  eab: Readonly<{ kid: string; hmacKey: string }> | null
  /** Name servers; none: the system's. */
  resolvers: readonly string[]
  publicAddresses: readonly string[]
  httpPort: number
  dnsHook: string | null
  dnsWaitMs: number
}>

/** `10.0.0.1`, `10.0.0.1:53`, `[2001:db8::1]:53` */
function isServer(text: string): boolean {
  const [, bare = text] = /^\[(.+)\](?::\d{1,5})?$/.exec(text) ?? /^([\d.]+):\d{1,5}$/.exec(text) ?? []
  return isIP(bare) !== 0
}

/** Of CAs that have one with the same rules, and larger limits. */
const stagings: Readonly<Record<string, string>> = {
  'https://acme-v02.api.letsencrypt.org/directory': 'https://acme-staging-v02.api.letsencrypt.org/directory',
}

const isSecure = (url: string): boolean => URL.canParse(url) && new URL(url).protocol === 'https:'

/** Null: certificates are not got from a CA. */
export function readAcme(
  isOn: boolean,
  hasIngress: boolean,
  { text, number, list, problems }: Pick<Reader, 'text' | 'number' | 'list' | 'problems'>,
): AcmeSettings | null {
  if (!isOn) return null
  if (hasIngress)
    problems.push(
      "DEIS_ACME cannot be used with DEIS_ROUTING=ingress: the cluster's own Ingress controller has the certificates (cert-manager: DEIS_INGRESS_ISSUER)",
    )
  const directory = text('DEIS_ACME_DIRECTORY')
  if (!isSecure(directory))
    problems.push(`DEIS_ACME_DIRECTORY must be an https:// address, not ${JSON.stringify(directory)}`)
  const staging = text('DEIS_ACME_STAGING_DIRECTORY').trim() || (stagings[directory] ?? 'off')
  if (staging !== 'off' && !isSecure(staging))
    problems.push(`DEIS_ACME_STAGING_DIRECTORY must be an https:// address or off, not ${JSON.stringify(staging)}`)
  const email = text('DEIS_ACME_EMAIL').trim() || null
  if (email !== null && !/^[^\s@<>,;:"]+@[^\s@<>,;:"]+$/.test(email))
    problems.push(`DEIS_ACME_EMAIL must be one e-mail address, not ${JSON.stringify(email)}`)
  const [kid, hmacKey] = [text('DEIS_ACME_EAB_KID').trim(), text('DEIS_ACME_EAB_HMAC_KEY').trim()]
  if ((kid === '') !== (hmacKey === '')) problems.push('DEIS_ACME_EAB_KID and DEIS_ACME_EAB_HMAC_KEY go together')
  const [resolvers, publicAddresses] = [list('DEIS_ACME_RESOLVERS'), list('DEIS_PUBLIC_ADDRESSES')]
  for (const server of resolvers)
    if (!isServer(server))
      problems.push(`DEIS_ACME_RESOLVERS must be IP addresses; ${JSON.stringify(server)} is not one`)
  for (const address of publicAddresses)
    if (isIP(address) === 0)
      problems.push(`DEIS_PUBLIC_ADDRESSES must be IP addresses; ${JSON.stringify(address)} is not one`)
  const dnsHook = text('DEIS_ACME_DNS_HOOK') || null
  if (dnsHook !== null && !isAbsolute(dnsHook)) problems.push('DEIS_ACME_DNS_HOOK must be an absolute path')
  return {
    directory,
    staging: staging === 'off' ? null : staging,
    email,
    eab: kid === '' ? null : { kid, hmacKey },
    resolvers,
    publicAddresses,
    httpPort: number('DEIS_ACME_HTTP_PORT'),
    dnsHook,
    dnsWaitMs: number('DEIS_ACME_DNS_WAIT') * 1000,
  }
}
