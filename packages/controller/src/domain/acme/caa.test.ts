// Which CAA records keep a CA from a name, and what is said about them?
import type { CaaRecord } from 'node:dns'
import { expect, test } from 'vitest'
import { type Asking, forbids } from './caa.ts'

const account = 'https://ca.example/acct/7'
const asking: Asking = { host: 'www.example.org', issuers: ['letsencrypt.org'], kind: 'http-01', account }
const wild: Asking = { ...asking, host: '*.example.org', kind: 'dns-01' }
const issue = (...values: string[]): CaaRecord[] => values.map((value) => ({ critical: 0, issue: value }))
const issuewild = (value: string): CaaRecord => ({ critical: 0, issuewild: value })
const unknown = (critical: number): CaaRecord => ({ critical, tbs: 'x' }) as CaaRecord

test.each<[string, CaaRecord[], Asking, boolean]>([
  ['no records', [], asking, true],
  ['its own', issue('letsencrypt.org'), asking, true],
  ['its own, written otherwise', issue(' LetsEncrypt.org ; '), asking, true],
  ['one of several', issue('digicert.com', 'letsencrypt.org'), asking, true],
  ['another', issue('digicert.com'), asking, false],
  ['one that only begins like it', issue('letsencrypt.org.evil.example'), asking, false],
  ['nobody', issue(';'), asking, false],
  ['nobody, without a word', issue(''), asking, false],
  ['no property about issuing', [{ critical: 0, iodef: 'mailto:a@example.org' }], asking, true],
  ['wildcards of another only', [...issue('letsencrypt.org'), issuewild('digicert.com')], asking, true],
  ['a wildcard of another', [...issue('letsencrypt.org'), issuewild('digicert.com')], wild, false],
  ['a wildcard, by the record for all', issue('letsencrypt.org'), wild, true],
  ['a wildcard, and names of another', [...issue('digicert.com'), issuewild('letsencrypt.org')], wild, true],
  ['its account', issue(`letsencrypt.org; accounturi=${account}`), asking, true],
  ['another account', issue('letsencrypt.org; accounturi=https://ca.example/acct/8'), asking, false],
  ['its method', issue('letsencrypt.org; validationmethods=dns-01,http-01'), asking, true],
  ['another method', issue('letsencrypt.org;validationmethods=dns-01'), asking, false],
  ['a parameter that nobody knows', issue('letsencrypt.org; policy=ev'), asking, true],
  ['a property that nobody knows', [...issue('letsencrypt.org'), unknown(0)], asking, true],
  ['a critical property that nobody knows', [...issue('letsencrypt.org'), unknown(128)], asking, false],
])('%s', (_, records, who, can) => {
  expect(forbids('example.org', records, who) === null).toBe(can)
})

test('the record to add is named', () => {
  expect(forbids('example.org', [issuewild('a.example'), ...issue('b.example')], wild)).toBe(
    'the CAA records of "example.org" ("a.example") do not allow this CA; add the record: example.org. CAA 0 issuewild "letsencrypt.org"',
  )
  expect(forbids('example.org', [unknown(128)], asking)).toContain('critical property "tbs"')
})
