// What of a request reaches the app, and what is refused?
import { expect, test } from 'vitest'
import { type Forwardable, readRequest } from './request.ts'

const seen = { address: '10.1.2.3', secure: false, port: 8080, newId: () => 'new-id' }

function read(headers: string[], more: { method?: string; url?: string; httpVersion?: string } = {}) {
  const rawHeaders = headers.flatMap((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon), line.slice(colon + 1).trim()]
  })
  return readRequest({ method: 'GET', url: '/', httpVersion: '1.1', ...more, rawHeaders }, seen)
}

function forwarded(headers: string[], more = {}): string[] {
  return (read(headers, more) as Forwardable).headers.trimEnd().split('\r\n')
}

const added = ['X-Forwarded-For: 10.1.2.3', 'X-Forwarded-Proto: http', 'X-Forwarded-Port: 8080', 'X-Request-Id: new-id']

test.each<[string[], string[]]>([
  [['Host: Tea.Localhost:8080'], []],
  [
    ['Host: tea', 'Cookie: a', 'cookie: b'],
    ['Cookie: a', 'cookie: b'],
  ],
  [['Host: tea', 'X-Forwarded-For: 6.6.6.6', 'X-Forwarded-Proto: https', 'x-forwarded-port: 1'], []],
  [['Host: tea', 'X_Forwarded_For: 6.6.6.6', 'Content_Length: 7', 'My_Own: stays'], ['My_Own: stays']],
  [['Host: tea', 'Forwarded: for=6.6.6.6', 'X-Real-IP: 6.6.6.6', 'X-Forwarded-Host: evil'], []],
  [['Host: tea', 'Connection: close, X-Drop', 'X-Drop: 1', 'X-Keep: 1'], ['X-Keep: 1']],
  [['Host: tea', 'X-Drop: 1', 'Connection: x-drop'], []],
  [['Host: tea', 'TE: trailers', 'Trailer: x', 'Keep-Alive: 5', 'Proxy-Connection: x', 'Upgrade: y'], []],
  [['Host: tea', 'Expect: 100-continue'], ['Expect: 100-continue']],
])('%j', (headers, rest) => {
  const [host, ...others] = forwarded(headers)
  expect(host).toBe(headers[0])
  expect(others).toEqual([...rest, ...added])
})

test('what ends a request and where it goes cannot be dropped by a Connection header', () => {
  const lines = forwarded(['Host: tea', 'Content-Length: 5', 'Connection: host, content-length'], { method: 'POST' })
  expect(lines.slice(0, 2)).toEqual(['Host: tea', 'Content-Length: 5'])
})

test.each([
  ['abc', 'abc'],
  ['A.b_c-9', 'A.b_c-9'],
  ['x'.repeat(128), 'x'.repeat(128)],
  ['x'.repeat(129), 'new-id'],
  ['', 'new-id'],
  ['a b', 'new-id'],
  ['<script>', 'new-id'],
])('the request id %j becomes %j', (given, id) => {
  expect(read(['Host: tea', `X-Request-Id: ${given}`])).toMatchObject({ id })
})

test.each([
  ['GET', [], 'none', true],
  ['GET', ['Content-Length: 0'], 'none', true],
  ['GET', ['Content-Length: 1'], 'length', false],
  ['POST', [], 'none', false],
  ['POST', ['Transfer-Encoding: chunked'], 'chunked', false],
  ['PUT', ['Content-Length: 1'], 'length', false],
  ['DELETE', [], 'none', true],
])('%s with %j has body %s, repeatable %s', (method, headers, body, repeatable) => {
  expect(read(['Host: tea', ...headers], { method })).toMatchObject({ body, repeatable })
})

test('a chunked body is announced as such', () => {
  expect(forwarded(['Host: tea', 'Transfer-Encoding: chunked'])).toContain('Transfer-Encoding: chunked')
})

test.each([
  ['/', '/'],
  ['/a?b=c#d', '/a?b=c#d'],
  ['//evil.example/', '//evil.example/'],
  ['http://tea', '/'],
  ['http://TEA:80?x', '/?x'],
  ['http://tea/a?b', '/a?b'],
])('the target %s becomes %s', (url, target) => {
  expect(read(['Host: tea'], { url })).toMatchObject({ target })
})

test('the whole server can be asked for its options', () => {
  expect(read(['Host: tea'], { url: '*', method: 'OPTIONS' })).toMatchObject({ target: '*' })
})

test.each<[string, string[], object, number]>([
  ['no host', [], {}, 400],
  ['two hosts', ['Host: tea', 'Host: tea'], {}, 400],
  ['an empty host', ['Host:'], {}, 400],
  ['an odd host', ['Host: tea/x'], {}, 400],
  ['length and chunked', ['Host: tea', 'Content-Length: 5', 'Transfer-Encoding: chunked'], {}, 400],
  ['two lengths', ['Host: tea', 'Content-Length: 5', 'Content-Length: 5'], {}, 400],
  ['an odd length', ['Host: tea', 'Content-Length: +5'], {}, 400],
  ['a coding besides chunked', ['Host: tea', 'Transfer-Encoding: gzip, chunked'], {}, 501],
  ['two codings', ['Host: tea', 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], {}, 501],
  ['chunked in HTTP/1.0', ['Host: tea', 'Transfer-Encoding: chunked'], { httpVersion: '1.0' }, 400],
  ['a target of another host', ['Host: tea'], { url: 'http://coffee/' }, 400],
  ['a target with a user', ['Host: tea'], { url: 'http://me@tea/' }, 400],
  ['a target of another scheme', ['Host: tea'], { url: 'ftp://tea/' }, 400],
  ['a star that asks for no options', ['Host: tea'], { url: '*' }, 400],
  ['a target with a space', ['Host: tea'], { url: '/a b' }, 400],
])('%s is refused', (_, headers, more, status) => {
  expect(read(headers, more)).toMatchObject({ status })
})
