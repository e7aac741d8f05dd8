// Are the URLs of controllers stored and used as by the original client, and where are apps reached?
import { expect, test } from 'vitest'
import { appAddress, isHostOfOriginalClient, originOf, storedController } from './address.ts'

test.each([
  ['deis.example.com', 'http://deis.example.com', 'http://deis.example.com'],
  ['localhost:8000', 'http://localhost:8000', 'http://localhost:8000'],
  ['HTTPS://Deis.Example.com:8443/', 'https://deis.example.com:8443/', 'https://deis.example.com:8443'],
  ['http://deis.example.com:80', 'http://deis.example.com:80', 'http://deis.example.com'],
  ['http://deis.example.com/Prefix/', 'http://deis.example.com/Prefix/', 'http://deis.example.com'],
  ['http://Bob:Pass@Deis.example.com', 'http://Bob:Pass@deis.example.com', 'http://deis.example.com'],
  ['http://[::1]:8000', 'http://[::1]:8000', 'http://[::1]:8000'],
  [' http://deis ', 'http://deis', 'http://deis'],
])('%j is kept as %s and called at %s', (typed, stored, origin) => {
  expect(storedController(typed)).toBe(stored)
  expect(originOf(stored)).toBe(origin)
})

test.each(['', 'http://', 'ftp://x.y', 'http://a b', 'http://x:99999'])('%j is refused', (typed) => {
  expect(() => storedController(typed)).toThrow(/is not the URL of a controller/)
})

test.each([
  ['http://deis', false],
  ['http://localhost', true],
  ['http://10.0.0.1', true],
  ['http://[::1]', true],
  ['http://deis.example.com', true],
])('the original client accepts %s: %s', (controller, takes) => {
  expect(isHostOfOriginalClient(controller)).toBe(takes)
})

test.each([
  ['www.example.com', {}, 'http://deis.example.com', 'www.example.com'],
  ['foo', { domain: 'apps.example.com', router_port: 80 }, 'http://deis.example.com', 'foo.apps.example.com'],
  ['foo', { domain: 'apps.example.com' }, 'http://deis.example.com', 'foo.apps.example.com'],
  ['foo', { domain: 'localhost', router_port: 8080 }, 'http://deis.example.com', 'foo.localhost:8080'],
  ['foo', {}, 'http://deis.example.com', 'foo.example.com'],
  ['foo', {}, 'http://deis.example.com:8080', 'foo.example.com:8080'],
])('domain %s with %j at %s is %s', (domain, platform, controller, address) => {
  expect(appAddress(domain, platform, controller)).toBe(address)
})
