// Which names, addresses, settings and certificates are accepted (docs/contract/api.md §2.8–2.10, §8 rows 14–16)?
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { DeisError, invalidProcessType } from '@deis/types'
import { describe, expect, it } from 'vitest'
import { readCertificate } from '../edge/cert-rules.ts'
import { bareCert, bareKey, caCert, leafCert, leafKey, lockedKey } from '../edge/certs.testing.ts'
import { domainName, labelOf, spellings } from '../edge/domain-rules.ts'
import { isNetwork } from '@deis/lib/networks'
import { mergeSettings, readBoolean, readSettings, settingsChanges } from './settings-rules.ts'

function refusal(work: () => unknown): DeisError {
  try {
    work()
  } catch (error) {
    if (error instanceof DeisError) return error
    throw error
  }
  throw new Error('it was taken')
}

const label63 = 'a'.repeat(63)

describe('domain names', () => {
  it.each([
    ['test-domain.example.com', 'test-domain.example.com'],
    ['django.paas--sandbox', 'django.paas--sandbox'],
    ['domain1', 'domain1'],
    ['3com.com', '3com.com'],
    ['3333.xyz', '3333.xyz'],
    ['MYDOMAIN.NET', 'mydomain.net'],
    ['*.deis.example.com', '*.deis.example.com'],
    ['autotest.127.0.0.1.xip.io.', 'autotest.127.0.0.1.xip.io'],
    [`${label63}.example`, `${label63}.example`],
    ['  spaced.example ', 'spaced.example'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['*.Bücher.example', '*.xn--bcher-kva.example'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['faß.de', 'xn--fa-hia.de'],
    ['例え.テスト', 'xn--r8jz45g.xn--zckzah'],
  ])('%j is stored as %j', (written, stored) => {
    expect(domainName(written)).toBe(stored)
  })

  const notAce = /^Hostname does not look valid, could not convert to ACE /
  it.each([
    ['this_is_an.invalid.domain', notAce],
    ['this-is-an.invalid.1', /^Hostname does not look valid\.$/],
    ['192.0.2.1', /^Hostname does not look valid\.$/],
    ['django.pa--assandbox', notAce],
    ['xn--a.example', notAce],
    [`${'a'.repeat(64)}.example`, notAce],
    ['foo.*.bar.com', notAce],
    ['*foo.com', notAce],
    ['*', /^Hostname can't only be a wildcard$/],
    ['*.', /^Hostname can't only be a wildcard$/],
    ['*..', notAce],
    ['a'.repeat(300), notAce],
    [Array.from({ length: 128 }, () => 'a').join('.'), /^Hostname must be 253 characters or less\.$/],
    ['-a.example', notAce],
    ['a-.example', notAce],
    ['a..example', notAce],
    ['a b.example', notAce],
    ['a/b.example', notAce],
    ['foo%41.com', notAce],
    ['a:80', notAce],
    ['[::1]', notAce],
    ['.', /^This field may not be blank\.$/],
    ['a.example,evil.example', notAce],
    ['a.example\nevil', notAce],
  ])('%j is none', (written, message) => {
    expect(refusal(() => domainName(written)).fields).toEqual({ domain: [expect.stringMatching(message)] })
  })

  it.each([
    ['www', ['www', 'www.apps.example']],
    ['www.apps.example', ['www.apps.example', 'www']],
    ['a.b.apps.example', ['a.b.apps.example']],
    ['*.apps.example', ['*.apps.example']],
    ['www.other.example', ['www.other.example']],
  ])('%j leads where %j lead', (name, all) => {
    expect(spellings(name, 'apps.example')).toEqual(all)
  })
})

it.each([
  ['mail', 'mail'],
  ['mail.apps.example', 'mail'],
  ['a.mail.apps.example', undefined],
  ['mail.example', undefined],
  ['*.apps.example', undefined],
  ['apps.example', undefined],
])('%j is the address of an app called %j', (name, label) => {
  expect(labelOf(name, 'apps.example')).toBe(label)
})

describe('addresses of a whitelist', () => {
  it.each(['10.0.0.1', '10.0.0.0/8', '10.1.2.3/8', '0.0.0.0/0', '::1', '2001:db8::/32', '::ffff:10.0.0.1/128'])(
    '%j is one',
    (text) => expect(isNetwork(text)).toBe(true),
  )
  it.each([
    '',
    'x',
    '10.0.0',
    '10.0.0.256',
    '10.0.0.0/33',
    '10.0.0.0/',
    '::/129',
    'fe80::1%eth0',
    '10.0.0.0/8/8',
    '010.0.0.1',
    '10.0.0.0/255.0.0.0',
    '10.0.0.0/-1',
    '10.0.0.1,10.0.0.2',
  ])('%j is none', (text) => expect(isNetwork(text)).toBe(false))
})

describe('settings', () => {
  it.each([
    [true, true],
    ['true', true],
    ['T', true],
    [1, true],
    ['1', true],
    [false, false],
    ['False', false],
    ['f', false],
    [0, false],
    [null, null],
    [undefined, null],
    ['', null],
    ['test', undefined],
    [2, undefined],
    [[], undefined],
    [{}, undefined],
  ])('%j is the boolean %j', (raw, value) => {
    expect(readBoolean(raw)).toBe(value)
  })

  const rule = { min: 1, max: 4, cpu_percent: 70 }
  it.each<[Record<string, unknown>, Record<string, string[]>]>([
    [{ maintenance: 'test' }, { maintenance: ['"test" is not a valid boolean.'] }],
    [{ routable: [1] }, { routable: ['"[1]" is not a valid boolean.'] }],
    [
      { whitelist: ['10.0.0.1', 'x', 'y'] },
      { whitelist: ['The address x is not valid', 'The address y is not valid'] },
    ],
    [{ autoscale: { web: 5 } }, { autoscale: ['could not validate 5: it is not an object'] }],
    [
      { autoscale: { web: { min: 1, max: 2 } } },
      { autoscale: [`could not validate {"min":1,"max":2}: 'cpu_percent' is a required property`] },
    ],
    [
      { autoscale: { web: { ...rule, max: '4' } } },
      { autoscale: ['could not validate {"min":1,"max":"4","cpu_percent":70}: max is not a whole number'] },
    ],
    [{ autoscale: { _web: rule } }, { autoscale: [invalidProcessType] }],
    [
      { maintenance: 'x', whitelist: ['y'] },
      { maintenance: ['"x" is not a valid boolean.'], whitelist: ['The address y is not valid'] },
    ],
  ])('%j is refused', (body, fields) => {
    expect(refusal(() => readSettings(body)).fields).toEqual(fields)
  })

  it.each([
    [{ ...rule, min: 0 }, 'min replicas needs to be 1 or higher'],
    [{ ...rule, min: 5 }, 'max replicas can not be smaller than min replicas'],
    [{ ...rule, cpu_percent: 0 }, 'cpu_percent needs to be 1 or higher'],
  ])('the rule %j is refused', (web, detail) => {
    expect(refusal(() => readSettings({ autoscale: { web } }))).toMatchObject({ message: detail, fields: undefined })
  })

  const base = {
    maintenance: false,
    routable: true,
    whitelist: ['::1'],
    autoscale: { web: rule },
    label: { team: 'core' },
    builder: null,
    buildpacks: ['heroku/nodejs'],
  }
  it('merges maps, replaces the whitelist and keeps the rest', () => {
    const worker = { ...rule, max: 9 }
    const next = mergeSettings(
      base,
      {
        maintenance: true,
        whitelist: [],
        autoscale: { web: null, worker },
        label: { a: [1] },
      },
      100,
    )
    expect(next).toEqual({
      maintenance: true,
      routable: true,
      whitelist: [],
      autoscale: { worker },
      label: { team: 'core', a: [1] },
      builder: null,
      buildpacks: ['heroku/nodejs'],
    })
    expect(settingsChanges(base, next)).toEqual(['maintenance', 'whitelist', 'autoscale', 'label'])
    expect(settingsChanges(base, mergeSettings(base, {}, 100))).toEqual([])
  })

  it('finds no difference in the order of keys', () => {
    const label = { a: { x: 1, y: 2 }, b: 1 }
    expect(settingsChanges({ ...base, label }, { ...base, label: { b: 1, a: { y: 2, x: 1 } } })).toEqual([])
  })

  it.each(['autoscale', 'label'] as const)('removes nothing from %s that is not there', (name) => {
    expect(refusal(() => mergeSettings(base, { [name]: { nope: null } }, 100))).toMatchObject({
      code: 'unprocessable',
      message: `nope does not exist under ${name}`,
    })
  })

  it('keeps keys that mean something to objects as plain keys', () => {
    const label = JSON.parse('{"__proto__":{"evil":true}}') as Record<string, unknown>
    const next = mergeSettings(base, { label }, 100)
    expect(Object.hasOwn(next.label, '__proto__')).toBe(true)
    expect((next.label as { evil?: boolean }).evil).toBeUndefined()
  })
})

describe('certificates', () => {
  it('say who they are for', () => {
    const facts = readCertificate(`notes\n${leafCert}${caCert}`, leafKey)
    expect(facts).toMatchObject({
      commonName: 'acme.example',
      san: ['acme.example', 'www.acme.example'],
      subject: '/C=US/ST=CA/O=Acme/CN=acme.example',
      issuer: '/C=US/O=Test, Inc/CN=Test CA',
      fingerprint: new X509Certificate(leafCert).fingerprint256,
    })
    expect(facts.fingerprint).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/)
    expect(facts.expires.getTime() - facts.starts.getTime()).toBe(36_500 * 24 * 3_600_000)
    expect(facts.certificate).toBe(leafCert + caCert)
    expect(createPublicKey(createPrivateKey(facts.key)).equals(new X509Certificate(leafCert).publicKey)).toBe(true)
  })

  it('need no name', () => {
    expect(readCertificate(bareCert, bareKey)).toMatchObject({ commonName: null, san: [], subject: '/O=No name' })
  })

  it.each([
    ['x', leafKey, { certificate: [expect.stringMatching(/^Could not load certificate: /)] }],
    [leafKey, leafKey, { certificate: [expect.stringMatching(/^Could not load certificate: /)] }],
    [
      leafCert + caCert.replace('MI', 'AA'),
      leafKey,
      { certificate: [expect.stringMatching(/^Could not load certificate: /)] },
    ],
    [leafCert, 'x', { key: [expect.stringMatching(/^Could not load private key: /)] }],
    [leafCert, leafCert, { key: [expect.stringMatching(/^Could not load private key: /)] }],
    [leafCert, lockedKey, { key: ['Could not load private key: it is protected by a passphrase; remove that first'] }],
    ['x', 'y', { certificate: [expect.any(String)], key: [expect.any(String)] }],
  ])('are refused when they cannot be read (%#)', (certificate, key, fields) => {
    expect(refusal(() => readCertificate(certificate, key)).fields).toEqual(fields)
  })

  it.each([
    [leafCert, bareKey],
    [caCert + leafCert, leafKey],
  ])('are refused with a key that is not theirs (%#)', (certificate, key) => {
    expect(refusal(() => readCertificate(certificate, key))).toMatchObject({
      message: 'Certificate and private key do not match!',
      list: true,
    })
  })
})
