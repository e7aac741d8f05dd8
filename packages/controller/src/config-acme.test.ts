// Which settings of certificates are accepted, and which CA is a name tried at first?
import { describe, expect, test } from 'vitest'
import { readConfig } from './config.ts'

const acme = (env: Readonly<Record<string, string>>) => readConfig({ DEIS_ACME: 'true', ...env }, '/srv').acme
const production = 'https://acme-v02.api.letsencrypt.org/directory'
const staging = 'https://acme-staging-v02.api.letsencrypt.org/directory'
const other = 'https://ca.example/dir'

test.each<[Readonly<Record<string, string>>, string, string | null]>([
  [{}, production, staging],
  [{ DEIS_ACME_STAGING_DIRECTORY: 'off' }, production, null],
  [{ DEIS_ACME_DIRECTORY: staging }, staging, null],
  [{ DEIS_ACME_DIRECTORY: other }, other, null],
  [
    { DEIS_ACME_DIRECTORY: other, DEIS_ACME_STAGING_DIRECTORY: 'https://test.ca.example/dir' },
    other,
    'https://test.ca.example/dir',
  ],
])('%j', (env, directory, first) => {
  expect(acme(env)).toMatchObject({ directory, staging: first })
})

describe('refused', () => {
  test.each([
    [{ DEIS_ACME_DIRECTORY: 'http://ca.example/dir' }, 'DEIS_ACME_DIRECTORY must be an https:// address'],
    [{ DEIS_ACME_STAGING_DIRECTORY: 'no' }, 'DEIS_ACME_STAGING_DIRECTORY must be an https:// address or off'],
    [{ DEIS_ACME_EMAIL: 'a@b, c@d' }, 'DEIS_ACME_EMAIL must be one e-mail address'],
    [{ DEIS_ACME_EAB_KID: 'x' }, 'DEIS_ACME_EAB_KID and DEIS_ACME_EAB_HMAC_KEY go together'],
    [{ DEIS_ACME_RESOLVERS: 'dns.example.com' }, 'DEIS_ACME_RESOLVERS must be IP addresses'],
    [{ DEIS_PUBLIC_ADDRESSES: 'here' }, 'DEIS_PUBLIC_ADDRESSES must be IP addresses'],
    [{ DEIS_SCHEDULER: 'kubernetes', DEIS_ROUTING: 'ingress' }, 'DEIS_ACME cannot be used with DEIS_ROUTING=ingress'],
    [{ DEIS_ACME_DNS_HOOK: 'hook' }, 'DEIS_ACME_DNS_HOOK must be an absolute path'],
  ])('%j', (env, message) => {
    expect(() => acme(env)).toThrow(message)
  })
})

test('an account that the CA has given, and name servers with ports', () => {
  const env = {
    DEIS_ACME_EAB_KID: 'k',
    DEIS_ACME_EAB_HMAC_KEY: 'abc',
    DEIS_ACME_RESOLVERS: '10.0.0.1, [2001:db8::1]:53',
  }
  expect(acme(env)).toMatchObject({ eab: { kid: 'k', hmacKey: 'abc' }, resolvers: ['10.0.0.1', '[2001:db8::1]:53'] })
})
