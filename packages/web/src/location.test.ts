// Which view does an address name, also one that somebody typed?
import { expect, test } from 'vitest'
import { addressOf, viewOf } from './location.ts'

test.each([
  ['', { name: 'apps' }],
  ['#/', { name: 'apps' }],
  ['#/doctor', { name: 'doctor' }],
  ['#/certs/x', { name: 'certs' }],
  ['#/apps', { name: 'apps' }],
  ['#/apps/shop', { name: 'app', app: 'shop', view: 'overview', item: null }],
  ['#/apps/shop/logs', { name: 'app', app: 'shop', view: 'logs', item: null }],
  ['#/apps/shop/nothing', { name: 'app', app: 'shop', view: 'overview', item: null }],
  ['#/apps/shop/builds/b-1/more/and/more', { name: 'app', app: 'shop', view: 'builds', item: 'b-1' }],
  ['#/apps/%E0%A4%A', { name: 'apps' }],
])('%s', (hash, view) => {
  expect(viewOf(hash)).toEqual(view)
})

test.each([
  { name: 'certs' as const },
  { name: 'app' as const, app: 'a/b#c', view: 'builds' as const, item: 'x y' },
  { name: 'app' as const, app: 'shop', view: 'releases' as const, item: null },
])('%j is found again', (view) => {
  expect(viewOf(addressOf(view))).toEqual(view)
})
