// Which settings of a controller are about certificates that it gets from a CA?
import { type Section, settingsOf } from './kinds.ts'

const { text, integer, flag, list } = settingsOf('controller')

export const acmeSettings = {
  DEIS_ACME: flag(
    false,
    'whether certificates are got from a CA by themselves (ACME); with it you agree to the terms of service of the CA',
  ),
  DEIS_ACME_DIRECTORY: text('https://acme-v02.api.letsencrypt.org/directory', 'the CA'),
  DEIS_ACME_STAGING_DIRECTORY: text(
    '',
    'directory of a CA for tests that a name without a certificate is tried at first, so that mistakes do not count at the CA; `off`: none',
    { usually: "Let's Encrypt's, for Let's Encrypt; none for others" },
  ),
  DEIS_ACME_EMAIL: text('', 'where the CA may write to'),
  DEIS_ACME_EAB_KID: text('', 'key ID of an account that the CA has given you (external account binding)'),
  DEIS_ACME_EAB_HMAC_KEY: text('', 'its HMAC key'),
  DEIS_ACME_RESOLVERS: list([], 'name servers for the check of where names lead; default: those of the system'),
  DEIS_PUBLIC_ADDRESSES: list(
    [],
    'addresses under which the router is reached from the internet, where it cannot find that out by itself',
  ),
  DEIS_ACME_HTTP_PORT: integer(80, 1, 65_535, 'port at which the CA looks for names: 80, but in tests'),
  DEIS_ACME_DNS_HOOK: text(
    '',
    'program that sets and removes TXT records, for wildcard certificates: [how](acme-dns.md)',
  ),
  DEIS_ACME_DNS_WAIT: integer(120, 0, 3600, 'how long such a record may take to be seen', { unit: 'seconds' }),
} as const

export const acmeSections: readonly Section[] = [{ title: 'Certificates', settings: acmeSettings }]
