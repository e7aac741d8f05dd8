// Does the suite notice what the original client would stumble over, and say what that client prints?
import { describe, expect, test } from 'vitest'
import { checkReply } from './answers.ts'
import { asGoClientReads, type Shape } from './goclient.ts'
import { clientText } from './client-text.ts'
import { shapeOf } from './successes.ts'
import type { Reply } from './wire.ts'

const at = '2026-01-02T03:04:05Z'
const uuid = '7d3e0000-0000-4000-8000-000000000000'
const app = { uuid, id: 'tea', owner: 'ann', structure: { web: 1 }, created: at, updated: at }
const ofApp = { uuid, app: 'tea', owner: 'ann', created: at, updated: at }
const config = { ...ofApp, values: {}, memory: {}, cpu: {}, tags: {}, registry: {}, healthcheck: {} }
const settings = { ...ofApp, maintenance: false, routable: true, whitelist: [], autoscale: {}, label: {} }
const release = { ...ofApp, version: 1, summary: 'ann created it', failed: false, config: uuid, build: null }
const key = { uuid, owner: 'ann', id: 'k', public: 'ssh-ed25519 AAAA', fingerprint: `${'0a:'.repeat(15)}0a` }
const page = { count: 1, next: null, previous: null, results: [app] }

describe('asGoClientReads', () => {
  test.each<[Shape, unknown]>([
    ['App', app],
    ['page of App', page],
    ['Config', { ...config, healthcheck: { web: { livenessProbe: { exec: { command: ['true'] } } } } }],
    ['AppSettings', { ...settings, maintenance: null, autoscale: { web: { min: 1, max: 2, cpu_percent: 3 } } }],
    ['Release', release],
    ['Key', { ...key, created: at, updated: at }],
    ['page of Pod', { count: 0, results: [] }],
  ])('takes %s', (shape, json) => asGoClientReads(shape, json))

  test.each<[Shape, unknown, string]>([
    ['App', { ...app, owner: undefined }, '.owner'],
    ['App', { ...app, created: '2026-01-02T03:04:05.123Z' }, '.created'],
    ['App', { ...app, updated: '2026-01-02T03:04:05+00:00' }, '.updated'],
    ['App', { ...app, structure: { web: '1' } }, '.structure'],
    ['App', { ...app, url: 'x' }, '.url is in no contract'],
    ['App', [app], 'is not an object'],
    ['page of App', [app], 'is not an object'],
    ['page of App', { ...page, results: null }, '.results'],
    ['page of App', { ...page, count: '1' }, '.count'],
    ['page of App', { ...page, next: '/v2/apps/?offset=1' }, '.next'],
    ['page of Pod', { ...page, results: [] }, '.next is in no contract'],
    ['Config', { ...config, values: { PORT: 5000 } }, '.values .PORT'],
    ['Config', { ...config, cpu: { web: null } }, '.cpu .web is null'],
    ['Config', { ...config, healthcheck: { web: null } }, '.healthcheck .web is null'],
    ['Config', { ...config, healthcheck: { web: { livenessProbe: null } } }, '.livenessProbe'],
    ['AppSettings', { ...settings, autoscale: { web: null } }, '.autoscale .web is null'],
    ['AppSettings', { ...settings, label: null }, '.label'],
    ['Release', { ...release, version: '1' }, '.version'],
    ['Release', { ...release, build: '' }, '.build'],
    ['Key', { ...key, public: 'ssh-rsa A', created: at, updated: at }, '.public'],
    ['Token', { token: 'A'.repeat(40) }, '.token'],
    ['AppRun', { exit_code: 1.5, output: '' }, '.exit_code'],
  ])('refuses %s %j', (shape, json, words) => {
    expect(() => asGoClientReads(shape, json)).toThrow(words)
  })
})

describe('checkReply', () => {
  const headers = {
    deis_api_version: '2.3',
    deis_platform_version: '2.3.0',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'content-type': 'application/json',
  }
  const reply = (status: number, json: unknown, more: Reply['headers'] = {}): Reply => {
    const text = json === undefined ? '' : JSON.stringify(json)
    return { status, text, json: json ?? null, headers: { ...headers, ...more } }
  }
  const sent = { method: 'GET', path: '/v2/apps/tea/', headers: {} }

  test.each<[Reply]>([
    [reply(200, app)],
    [reply(401, { detail: 'no' }, { 'www-authenticate': 'Token' })],
    [reply(404, 'No App matches the given query.')],
    [reply(400, { id: ['wrong', 'twice'] })],
    [reply(405, { detail: 'no' }, { allow: 'GET, POST' })],
  ])('takes %j', (answer) => checkReply(sent, answer))

  test.each<[string, Reply]>([
    ['no API version', reply(200, app, { deis_api_version: '2.10' })],
    ['no platform version', reply(200, app, { deis_platform_version: undefined })],
    ['no guards', reply(200, app, { 'x-frame-options': undefined })],
    ['a failure of the server', reply(500, { detail: 'Server Error' })],
    ['a redirect', reply(301, undefined, { 'content-type': undefined })],
    ['no challenge', reply(401, { detail: 'no' })],
    ['no word on what is allowed', reply(405, { detail: 'no' })],
    ['a refusal of no documented shape', reply(404, 'No Thing matches the given query.')],
    ['a refusal of no documented shape', reply(400, { id: 'wrong' })],
    ['a refusal of no documented shape', reply(403, { detail: 'no', code: 5 })],
    ['a refusal of the type text/html', reply(404, 'x', { 'content-type': 'text/html' })],
    ['an empty body has the type', reply(204, undefined)],
    ['a success that the contract does not know', reply(201, app)],
    ['App: it .id', reply(200, { ...app, id: 5 })],
  ])('says %s', (words, answer) => {
    expect(() => checkReply(sent, answer)).toThrow(words)
  })
})

test.each([
  ['GET', '/v2/keys/ann/laptop', 200, 'Key'],
  ['GET', '/v2/keys', 200, 'page of Key'],
  ['POST', '/v2/apps/tea/pods/restart', 200, 'list of Pod'],
  ['POST', '/v2/apps/tea/releases/rollback/', 201, 'Version'],
  ['GET', '/v2/apps/tea/logs', 204, 'none'],
  ['GET', '/v2/apps/tea/releases/v1', 200, 'Release'],
  ['PUT', '/v2/apps/tea', 200, undefined],
])('%s %s %d is %s', (method, path, status, shape) => {
  expect(shapeOf(method, path, status)).toBe(shape)
})

test.each([
  [400, { username: ['x', 'A user with that username already exists.'] }, 'A user with that username already exists.'],
  [400, { id: ['A.', 'Application with this id already exists.'] }, 'Application with this id already exists.'],
  [400, { certificate: ['Could not load certificate: because'] }, 'Could not load certificate'],
  [400, { detail: 'No nodes matched the provided labels: a=b' }, 'No nodes matched the provided labels'],
  [400, { detail: 'one\ntwo' }, 'Unknown Error (400): {"detail":"one\ntwo"}'],
  [400, ['a list'], 'Unknown Error (400): error decoding json response'],
  [403, {}, 'You do not have permission to perform this action.'],
  [404, 'No App matches the given query.', '"No App matches the given query."'],
  [409, { detail: 'ann changed nothing' }, 'Unknown Error (409): {"detail":"ann changed nothing"}'],
  [422, { detail: 'A does not exist under values' }, 'Unable to process your request: A does not exist under values'],
  [429, { detail: 'wait' }, 'Unknown Error (429): {"detail":"wait"}'],
])('for %d %j the client says %s', (status, json, words) => {
  expect(clientText({ status, text: JSON.stringify(json) })).toBe(words)
})
