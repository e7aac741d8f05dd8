// Do the commands for certificates send, print and exit as in the contract?
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { deis, homeOf, type Replies, startController, temporaryFolder } from '../testbed.ts'
import { day, expiry } from './certs/dates.ts'
import { tableLines } from './certs/table.ts'

const cert = {
  id: 1,
  owner: 'bob',
  name: 'c1',
  common_name: 'www.foo.com',
  san: ['a.com', 'b.com'],
  domains: ['www.foo.com'],
  fingerprint: 'AB:CD:EF:01:23:45:67',
  expires: '2037-09-17T10:00:00Z',
  starts: '2017-08-22T00:00:00Z',
  issuer: '/C=US/CN=ca',
  subject: '/CN=www.foo.com',
  created: '2017-08-22T00:00:00Z',
  updated: '2017-08-22T00:00:00Z',
}
const clock = [Date.parse('2026-11-22T00:00:00Z')]

async function against(replies: Replies) {
  const controller = await startController(replies)
  return { controller, home: homeOf(controller) }
}

describe('certs:list', () => {
  test('draws a table', async () => {
    const { home } = await against({ 'GET /v2/certs/?limit=100': { json: { count: 1, results: [cert] } } })
    expect(await deis(['certs'], { home, clock })).toMatchObject({
      code: 0,
      stderr: '',
      stdout: `  Name | Common Name | SubjectAltName |          Expires          |   Fingerprint   |   Domains   |   Updated   |   Created
+------+-------------+----------------+---------------------------+-----------------+-------------+-------------+-------------+
  c1   | www.foo.com | a.com,b.com    | 17 Sep 2037 (in 11 years) | AB:CD[...]45:67 | www.foo.com | 22 Aug 2017 | 22 Aug 2017
`,
    })
  })

  test('none', async () => {
    const { home } = await against({ 'GET /v2/certs/?limit=5': { json: { count: 0, results: [] } } })
    expect(await deis(['certs:list', '-l', '5'], { home })).toMatchObject({ code: 0, stdout: 'No certs\n' })
  })

  test('fields that another controller omits', async () => {
    const bare = { name: 'x', common_name: null, fingerprint: 'AB:CD:EF:01:23', expires: null, issuer: '', subject: '' }
    const { home } = await against({ 'GET /v2/certs/?limit=100': { json: { count: 1, results: [bare] } } })
    expect((await deis(['certs'], { home, clock })).stdout.split('\n')[2]).toBe(
      '  x    |             |                | unknown | AB:CD[...]01:23 |         | unknown | unknown',
    )
  })
})

test('long cells wrap at blanks', () => {
  const long = 'one two three four five six seven'
  expect(tableLines(['A', 'B'], [[long, 'x'.repeat(32)]])).toEqual([
    '               A              |                B',
    '+-----------------------------+----------------------------------+',
    '  one two three four five six | xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
    '  seven                       |',
  ])
})

describe('dates', () => {
  const now = new Date('2026-12-30T12:00:00Z')
  test.each([
    ['2027-01-02T12:00:00Z', '2 Jan 2027 (in 3 days)'],
    ['2026-12-31T12:00:00Z', '31 Dec 2026 (in 1 day)'],
    ['2026-12-30T13:00:00Z', '30 Dec 2026 (in less than a day)'],
    ['2026-12-30T11:59:59Z', '30 Dec 2026 (expired)'],
    ['2027-03-30T00:00:00Z', '30 Mar 2027 (in 3 months)'],
    ['2027-01-29T00:00:00Z', '29 Jan 2027 (in 1 month)'],
    ['2028-01-01T00:00:00Z', '1 Jan 2028 (in 2 years)'],
    ['2027-12-31T00:00:00UTC', '31 Dec 2027 (in 1 year)'],
    ['2027-12-31T00:00:00', '31 Dec 2027 (in 1 year)'],
    ['2027-01-05T01:00:00.5+02:00', '4 Jan 2027 (in 5 days)'],
    ['', 'unknown'],
    ['soon', 'unknown'],
    [null, 'unknown'],
  ])('%j', (text, shown) => {
    expect(expiry(text, now)).toBe(shown)
    expect(day(text)).toBe(shown.replace(/ \(.*/, ''))
  })
})

test('certs:info', async () => {
  const { home } = await against({ 'GET /v2/certs/c1': { json: { ...cert, domains: [], san: [] } } })
  expect(await deis(['certs:info', 'c1'], { home, clock })).toMatchObject({
    code: 0,
    stderr: '',
    stdout: `=== c1 Certificate
Common Name(s):     www.foo.com
Expires At:         17 Sep 2037 (in 11 years)
Starts At:          22 Aug 2017
Fingerprint:        AB:CD:EF:01:23:45:67
Subject Alt Name:   N/A
Issuer:             /C=US/CN=ca
Subject:            /CN=www.foo.com

Connected Domains:  No connected domains
Owner:              bob
Created:            22 Aug 2017
Updated:            22 Aug 2017
`,
  })
})

describe('certs:add', () => {
  function files(): string {
    const cwd = temporaryFolder()
    writeFileSync(join(cwd, 'a.crt'), 'CERT\n')
    writeFileSync(join(cwd, 'a.key'), 'KEY\n')
    return cwd
  }

  test('sends the texts of both files', async () => {
    const { home, controller } = await against({ 'POST /v2/certs/': { status: 201, json: cert } })
    expect(await deis(['certs:add', 'c1', 'a.crt', 'a.key'], { home, cwd: files() })).toMatchObject({
      code: 0,
      stdout: 'Adding SSL endpoint... done\n',
    })
    expect(controller.requests).toEqual(['POST /v2/certs/ {"certificate":"CERT\\n","key":"KEY\\n","name":"c1"}'])
  })

  test.each([
    ['no.crt', 'a.key', 'no.crt'],
    ['a.crt', 'no.key', 'no.key'],
  ])('%s with %s is refused before any request', async (certificate, key, missing) => {
    const { home, controller } = await against({})
    expect(await deis(['certs:add', 'c1', certificate, key], { home, cwd: files() })).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `Error: open ${missing}: no such file or directory\n`,
    })
    expect(controller.requests).toEqual([])
  })

  test.each([
    [{ certificate: ['Could not load certificate: no PEM'] }, 'Could not load certificate'],
    [
      { name: ['Can only contain a-z (lowercase), 0-9 and hyphens'] },
      'Name can only contain a-z (lowercase), 0-9 and hyphens',
    ],
  ])('%j has the known message', async (json, message) => {
    const { home } = await against({ 'POST /v2/certs/': { status: 400, json } })
    expect(await deis(['certs:add', 'c1', 'a.crt', 'a.key'], { home, cwd: files() })).toMatchObject({
      code: 1,
      stderr: `Error: ${message}\n`,
    })
  })
})

test.each([
  [['certs:remove', 'c1'], { 'DELETE /v2/certs/c1': { status: 204 } }, 'Removing c1... done\n'],
  [
    ['certs:attach', 'c1', 'www.foo.com'],
    { 'POST /v2/certs/c1/domain/': { status: 201 } },
    'Attaching certificate c1 to domain www.foo.com... done\n',
  ],
  [
    ['certs:detach', 'c1', '*.foo.com'],
    { 'DELETE /v2/certs/c1/domain/*.foo.com': { status: 204 } },
    'Detaching certificate c1 from domain *.foo.com... done\n',
  ],
])('%j', async (argv, replies, stdout) => {
  const { home } = await against(replies)
  expect(await deis(argv, { home })).toMatchObject({ code: 0, stdout, stderr: '' })
})

test('the error for a missing certificate has the quotes that scripts match', async () => {
  const text = '"No Certificate matches the given query."'
  const { home } = await against({ 'GET /v2/certs/no': { status: 404, text } })
  expect(await deis(['certs:info', 'no'], { home })).toMatchObject({ code: 1, stderr: `Error: ${text}\n` })
})
