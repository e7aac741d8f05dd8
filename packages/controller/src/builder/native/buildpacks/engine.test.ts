// Are version ranges read as npm reads them?
import { expect, test } from 'vitest'
import { satisfies } from './engine.ts'

test.each<[string, boolean | null]>([
  ['', true],
  ['*', true],
  ['x', true],
  ['20', true],
  ['20.x', true],
  ['v20.20', true],
  ['20.20.2', true],
  ['20.20.1', false],
  ['18', false],
  ['18.x || 20.x', true],
  ['>=18', true],
  ['>= 18', true],
  ['>=22.12', false],
  ['>=18 <20', false],
  ['>=18 <21', true],
  ['<=20', true],
  ['<=20.19', false],
  ['>20', false],
  ['>20.19', true],
  ['^20.1.0', true],
  ['^20.21.0', false],
  ['^18', false],
  ['~20.20.0', true],
  ['~20.19.0', false],
  ['18 - 20', true],
  ['16 - 18.4', false],
  ['^18.18.0 || ^20.9.0 || >=21.1.0', true],
  ['lts/*', null],
  ['latest || 20', true],
])('20.20.2 in %s: %s', (range, expected) => {
  expect(satisfies('v20.20.2', range)).toBe(expected)
})
