// Are remotes those that the controller announces, or those of the rules of Deis?
import { expect, test } from 'vitest'
import { foreignRemote, remotesHere, remoteUrl } from './remotes.ts'

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
  ['another port', [['x', 'ssh://git@h:22221/foo.git']], { git: 'ssh://git@h:2222' }, 'foo'],
  ['a longer host', [['x', 'ssh://git@h:2222.evil/foo.git']], { git: 'ssh://git@h:2222' }, null],
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
  expect(remotesHere(list, platform, original)[0]?.app ?? null).toBe(app)
})

test.each([
  ['ssh://git@deis-builder.apps.example.com:2222/shop.git', 'former'],
  ['ssh://git@deis-builder.example.com:2222/shop.git', 'former'],
  ['ssh://git@git.example.com:2222/shop.git', 'former'],
  ['git@git.example.com:shop.git', 'former'],
  ['ssh://git@git.example.com/shop.git', 'current'],
  ['ssh://git@git.example.com.evil.test/shop.git', undefined],
  ['https://github.com/someone/shop.git', undefined],
  ['/srv/git/shop.git', undefined],
])('%s is of this controller: %s', (url, form) => {
  const platform = { git: 'ssh://git@git.example.com', domain: 'apps.example.com' }
  expect(remotesHere([{ name: 'deis', url }], platform, original)[0]?.form).toBe(form)
})

test('a current address goes before a former one', () => {
  const remotes = [
    { name: 'deis', url: 'ssh://git@deis-builder.example.com:2222/old.git' },
    { name: 'x', url: 'ssh://git@git.example.com/new.git' },
  ]
  expect(remotesHere(remotes, { git: 'ssh://git@git.example.com' }, original).map(({ app }) => app)).toEqual([
    'new',
    'old',
  ])
})

test.each([
  ['deis', 'anything', true],
  ['x', 'ssh://git@deis-builder.elsewhere.test:2222/a.git', true],
  ['x', 'ssh://git@elsewhere.test:2222/a.git', true],
  ['origin', 'ssh://git@github.com/someone/a.git', false],
  ['origin', 'https://github.com/someone/a.git', false],
])('the remote %s with %s was made for another controller: %s', (name, url, is) => {
  expect(foreignRemote([{ name, url }]) !== null).toBe(is)
})

test.each([
  'ext::sh -c "touch pwned"',
  'file:///etc',
  '/etc',
  'git://host',
  'http://host',
  'ssh://-oProxyCommand=touch%20pwned',
  'ssh://git@-oProxyCommand=x',
  'ssh://-x@host',
  'ssh://git@host:2222/a\nb',
  'ssh://git@host:2222/\u001b]0;x\u0007',
  'ssh://git@ho st',
  'ssh://git@host/..',
  'ssh://git@host:x',
])('pushes go to no such address: %j', (git) => {
  expect(() => remoteUrl('foo', { git }, original)).toThrow('which is not an ssh:// or https:// address.')
})

test.each(['..', 'a b', '-x', 'a/../../b', 'a\u001b[2J'])('an app that is called %j is in no address', (app) => {
  expect(() => remoteUrl(app, { git: 'ssh://git@host:2222' }, original)).toThrow(
    'which is not an ssh:// or https:// address.',
  )
})
