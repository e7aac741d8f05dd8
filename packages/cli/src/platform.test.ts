// Are remotes and addresses those of the controller, or else of Deis’ rules?
import { expect, test } from 'vitest'
import { appAddress, appOfRemotes, remoteUrl } from './platform.ts'

test.each([
  [{ git: 'ssh://git@localhost:2222' }, 'http://localhost:8000', 'ssh://git@localhost:2222/foo.git'],
  [{ git: 'ssh://git@localhost:2222/' }, 'http://localhost:8000', 'ssh://git@localhost:2222/foo.git'],
  [{}, 'http://deis.example.com:8080', 'ssh://git@deis-builder.example.com:2222/foo.git'],
  [{}, 'http://localhost', 'ssh://git@localhost-builder:2222/foo.git'],
])('with %j at %s the remote is %s', (platform, controller, url) => {
  expect(remoteUrl('foo', platform, controller)).toBe(url)
})

const original = 'http://deis.example.com'
const builder = 'ssh://git@deis-builder.example.com:2222'
test.each([
  ['none', [], {}, null],
  ['another host', [['origin', 'https://example.com/x.git']], {}, null],
  ['the builder', [['x', `${builder}/foo.git`]], {}, 'foo'],
  ['up to the first dot', [['x', `${builder}/first.v2.git`]], {}, 'first'],
  ['the base', [['x', 'ssh://git@h:2222/foo.git']], { git: 'ssh://git@h:2222' }, 'foo'],
  ['a longer port', [['x', 'ssh://git@h:22221/foo.git']], { git: 'ssh://git@h:2222' }, null],
  [
    'deis first',
    [
      ['a', `${builder}/a.git`],
      ['deis', `${builder}/b.git`],
    ],
    {},
    'b',
  ],
  [
    'git order',
    [
      ['b', `${builder}/b.git`],
      ['a', `${builder}/a.git`],
    ],
    {},
    'b',
  ],
] as const)('remotes: %s', (_, remotes, platform, app) => {
  const list = remotes.map(([name, url]) => ({ name, url }))
  expect(appOfRemotes(list, platform, original)).toBe(app)
})

test.each([
  ['www.example.com', {}, original, 'www.example.com'],
  ['foo', { domain: 'apps.example.com', router_port: 80 }, original, 'foo.apps.example.com'],
  ['foo', { domain: 'apps.example.com' }, original, 'foo.apps.example.com'],
  ['foo', { domain: 'localhost', router_port: 8080 }, original, 'foo.localhost:8080'],
  ['foo', {}, original, 'foo.example.com'],
  ['foo', {}, 'http://deis.example.com:8080', 'foo.example.com:8080'],
])('domain %s with %j at %s is %s', (domain, platform, controller, address) => {
  expect(appAddress(domain, platform, controller)).toBe(address)
})
