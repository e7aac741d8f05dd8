// Which connections go through a proxy?
import { expect, test } from 'vitest'
import { proxyFor } from './tunnel.ts'

const proxy = 'http://proxy.test:3128'

test.each<[string, Record<string, string>, string | null]>([
  ['http://deis.test', {}, null],
  ['http://deis.test', { http_proxy: proxy }, 'proxy.test:3128'],
  ['http://deis.test', { HTTP_PROXY: proxy }, 'proxy.test:3128'],
  ['http://deis.test', { http_proxy: 'proxy.test:1' }, 'proxy.test:1'],
  ['http://deis.test', { https_proxy: proxy }, null],
  ['https://deis.test', { https_proxy: proxy }, 'proxy.test:3128'],
  ['https://deis.test', { http_proxy: proxy }, null],
  ['https://deis.test', { ALL_PROXY: proxy }, 'proxy.test:3128'],
  ['http://localhost:8000', { http_proxy: proxy }, null],
  ['http://127.0.0.1:8000', { http_proxy: proxy }, null],
  ['http://deis.test', { http_proxy: proxy, no_proxy: '*' }, null],
  ['http://deis.test', { http_proxy: proxy, NO_PROXY: 'a.test, deis.test' }, null],
  ['http://api.deis.test', { http_proxy: proxy, no_proxy: 'deis.test' }, 'proxy.test:3128'],
  ['http://api.deis.test', { http_proxy: proxy, no_proxy: '.deis.test' }, null],
  ['http://api.deis.test', { http_proxy: proxy, no_proxy: '*.deis.test' }, null],
  ['http://deis.test:8000', { http_proxy: proxy, no_proxy: 'deis.test:80' }, 'proxy.test:3128'],
  ['http://deis.test:8000', { http_proxy: proxy, no_proxy: 'deis.test:8000' }, null],
  ['http://deis.test', { http_proxy: proxy, no_proxy: 'deis.test:80' }, null],
])('%s with %j: %s', (origin, env, wanted) => {
  expect(proxyFor(origin, env)?.host ?? null).toBe(wanted)
})

test('a proxy without an address is an error', () => {
  expect(() => proxyFor('http://deis.test', { http_proxy: 'http://' })).toThrow('is not a URL')
})
