// Are buildpack URLs told apart, and is everything else refused without being repeated?
import { expect, test } from 'vitest'
import { buildpackLines, type BuildpackSource, parseBuildpackUrl } from './buildpack-url.ts'

const git = (url: string, ref: string | null = null, authorization: string | null = null): BuildpackSource => ({
  kind: 'git',
  url,
  ref,
  authorization,
})

test.each<[string, BuildpackSource]>([
  ['https://example.com/a/b.git', git('https://example.com/a/b.git')],
  ['  https://example.com/a/b\n', git('https://example.com/a/b')],
  ['https://example.com/a/b.git#v1.2', git('https://example.com/a/b.git', 'v1.2')],
  ['https://example.com/a/b.git#feature/x-1', git('https://example.com/a/b.git', 'feature/x-1')],
  ['https://example.com/a/b#', git('https://example.com/a/b')],
  ['http://example.com/a', git('http://example.com/a')],
  ['https://user:p%40ss@example.com/a', git('https://example.com/a', null, `Basic ${btoa('user:p@ss')}`)],
  ['https://token@example.com/a', git('https://example.com/a', null, `Basic ${btoa('token:')}`)],
  ['ssh://git@example.com:2222/a.git#main', git('ssh://git@example.com:2222/a.git', 'main')],
  ['git@example.com:a/b.git#main', git('git@example.com:a/b.git', 'main')],
  ['git://example.com/a', git('git://example.com/a')],
  ['file:///srv/a', git('file:///srv/a')],
  ['/srv/a%b#main', git('file:///srv/a%25b', 'main')],
  ['heroku/nodejs', git('https://github.com/heroku/heroku-buildpack-nodejs')],
  ['heroku/nodejs#v300', git('https://github.com/heroku/heroku-buildpack-nodejs', 'v300')],
  ['https://example.com/b.tgz', { kind: 'archive', url: 'https://example.com/b.tgz', ref: null, authorization: null }],
  [
    'https://a:b@example.com/b.tar.gz?x=1',
    { kind: 'archive', url: 'https://example.com/b.tar.gz?x=1', ref: null, authorization: `Basic ${btoa('a:b')}` },
  ],
])('%s', (text, expected) => {
  expect(parseBuildpackUrl(text)).toEqual(expected)
})

test.each([
  '',
  'nonsense',
  'a b',
  'other/shorthand',
  'heroku/../x',
  '../relative',
  '-uhttps://example.com',
  '--upload-pack=evil',
  'ext::sh -c evil',
  'ext::evil',
  'fd::17',
  'ftp://example.com/x',
  'javascript:alert(1)',
  'git@-oProxyCommand=evil:x',
  '-git@example.com:x',
  'git@example.com:-x',
  'ssh://-oProxyCommand=evil/x',
  'ssh://a:secret@example.com/x',
  'file://host/x',
  'https://example.com/a#--upload-pack=x',
  'https://example.com/a#..',
  'https://example.com/a#a b',
  'https://example.com/a#$(evil)',
  'https://example.com/b.tgz#main',
  'https://a:%zz@example.com/x',
  'https://example.com/\u001b[2J',
  `https://example.com/${'x'.repeat(2000)}`,
])('refuses %j', (text) => {
  expect(() => parseBuildpackUrl(text)).toThrow(/^is not a valid buildpack: /)
})

test('what is refused is not repeated: it may hold a password', () => {
  expect(() => parseBuildpackUrl('ssh://a:secret@example.com/x')).not.toThrow('secret')
})

test('.buildpacks: comments, blank lines, CRLF', () => {
  expect(buildpackLines('# two\r\nheroku/nodejs\r\n\n  https://example.com/a#b  \n')).toEqual([
    'heroku/nodejs',
    'https://example.com/a#b',
  ])
})
